import type { Rng } from '@man/base';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { CutSite, LocalBlock, NamedVariables, Shape, Unit } from './network-contracts.ts';
import type { EpochInfo, EpochReport, Evaluation, FitReport, ProgressReport } from './report-contracts.ts';
import type { Snapshot } from './snapshot.ts';

export type * from './network-contracts.ts';
export type * from './report-contracts.ts';

/** One mini-batch on the engine. Whoever receives it from a {@link BatchSource} disposes of it. */
export interface Batch {
  /** `[n, ...inputShape]` float32, normalised. */
  readonly images: Tensor;
  /** `[n]` int32, 0 … classes-1. */
  readonly labels: Tensor1D;
  /** The same pictures before normalisation, `[n, height, width, channels]` float32 in [0, 1]; what a decoder reconstructs. */
  readonly pixels?: Tensor;
}

/** Batches for an epoch, again and again. */
export interface BatchSource {
  /** Examples in an epoch. */
  readonly examples: number;
  /** Batches in an epoch, the last one possibly smaller. */
  readonly batches: number;
  /** Whether `epoch` heeds `from`. Of a source that does not, a resumed run throws away what it has trained on. */
  readonly canSkip?: boolean;
  /** The batches of epoch 1, 2, …, from batch `from` (0-based, default 0) on; equal epochs of equal sources give equal batches. */
  epoch(epoch: number, options?: { readonly from?: number }): AsyncIterable<Batch> | Iterable<Batch>;
}

/** The place where an auxiliary network is built. */
export interface AuxSite {
  readonly block: LocalBlock;
  /** The block behind, or null for the last one, whose "auxiliary network" is the final classifier. */
  readonly next: LocalBlock | null;
  /**
   * The units behind the features, up to the classifier, in order: the next block's and all others'. What deeper auxiliary networks are
   * made like. A plugin that puts one in front leaves it out of what it hands on.
   */
  readonly following: readonly Unit[];
  /** Shape of the features the auxiliary network will be given. */
  readonly featureShape: Shape;
  /** `[height, width, channels]` of the network's input. */
  readonly imageShape: Shape;
  readonly classes: number;
  /** Number of blocks in all. */
  readonly depth: number;
  /** For initial weights; split it by parameter name. */
  readonly rng: Rng;
}

/** What an auxiliary network says of a batch: scalars on the engine, owned by the caller. */
export interface LocalLossValue {
  /** What is minimised. */
  readonly total: Scalar;
  /** Its parts, unweighted, for reports and for naming a term that is not finite. */
  readonly terms: Readonly<Record<string, Scalar>>;
  /** `[n, classes]`, when the auxiliary network classifies: the block's own accuracy is measured from it. */
  readonly logits?: Tensor2D;
}

/** A local loss with the weights it needs, attached to one block. */
export interface AuxiliaryNetwork {
  /** The loss of `features` (`[n, ...featureShape]`), a tensor of the caller that stays its own. */
  loss(features: Tensor, batch: Batch): LocalLossValue;
  parameters(): NamedVariables;
  /** Variables that no gradient trains: running statistics, EMA copies. */
  buffers(): NamedVariables;
  macs?(): number;
  dispose(): void;
}

/** A recipe for auxiliary networks, e.g. `infopro()`. */
export interface LocalLoss {
  readonly name: string;
  /** Why it is of no use behind a cut, as a clause behind "infopro"; null where it is. Absent: it takes every cut. */
  objection?(site: CutSite): string | null;
  /** What it has chosen for a network of so many blocks, in words, for reports. */
  describe?(blocks: number): string;
  build(site: AuxSite): AuxiliaryNetwork;
}

/** Learning rate of an epoch (1-based). */
export type Schedule = (epoch: number) => number;

/** A recipe for optimisers, e.g. `sgd()`; one optimiser is created per block. */
export interface OptimizerDefinition {
  readonly name: string;
  create(variables: NamedVariables): Optimizer;
}

/** Updates one list of variables; its state is keyed by their names. */
export interface Optimizer {
  /**
   * One update. `gradients[i]` belongs to the i-th variable; null skips that variable entirely (no decay, no momentum).
   * The gradients stay the caller's.
   */
  apply(gradients: readonly (Tensor | null)[], learningRate: number): void;
  /** A copy of the state, as tensors the caller owns: `<variable name>` → momentum. */
  state(): Record<string, Tensor>;
  /** Takes over a state; the tensors stay the caller's. Needed for runs that are resumed. */
  restore?(state: Readonly<Record<string, Tensor>>): void;
  dispose(): void;
}

/** What plugins may look at from `setup` on. */
export interface Run {
  readonly blocks: readonly LocalBlock[];
  /** What evaluation uses: parameters and running statistics of all units and the classifier. */
  readonly network: NamedVariables;
  readonly seed: number | string;
  /** A stream of the plugin's own, already split by its name. */
  readonly rng: Rng;
  /** Epochs and steps done before: 0, or where a resumed run goes on. */
  readonly epoch: number;
  readonly steps: number;
  /** Ends `fit` cleanly: after the running step, or, called between two epochs, before the next one. */
  stop(): void;
}

/** One block's turn within a step. */
export interface BlockStep {
  readonly block: LocalBlock;
  /** Steps taken since the start of the run, this one included: 1, 2, … */
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** What is trained: the block's and its auxiliary network's parameters. */
  readonly variables: NamedVariables;
  /** Gradients in the order of `variables`, null for none; they live until the hook returns. Empty in `afterBlockStep`. */
  readonly gradients: readonly (Tensor | null)[];
}

/** A finished step. */
export interface StepInfo {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Examples in the batch. */
  readonly examples: number;
}

/**
 * A moment between two steps at which everything of a run is at rest: behind the reports of every `readEvery` steps within an epoch and behind every epoch,
 * when all plugins have heard of them. Where a run is saved.
 */
export interface SavePoint {
  readonly steps: number;
  /** Epochs that are done. */
  readonly epoch: number;
  /** The report of an epoch that has just ended. */
  readonly finished: EpochReport | null;
  /** Whether `fit` ends here, finished or not. */
  readonly isLast: boolean;
  /** All that the run needs to go on from here. */
  snapshot(): Snapshot;
}

/** A hook inside a step: synchronous, since a step cannot wait; a promise that comes back is `MAN_CORE_HOOK_ASYNC`. */
export type Hook<E> = (event: E) => void;

/**
 * A hook that changes gradients: what it returns, one per variable, takes the place of what it was given, for the plugins behind it and for
 * the optimiser. The trainer disposes of both.
 */
export type GradientHook = (step: BlockStep) => readonly (Tensor | null)[];

/**
 * An extension of the trainer. Every hook is optional; unknown members are an error.
 *
 * `buildAux` is an onion: the first plugin of the list is outermost and calls `build` exactly once.
 * `setup`, `buildAux` and `*Start` run in list order, `after*`, `onProgress`, `*End`, `onError` and `dispose` in reverse.
 */
export interface TrainerPlugin {
  /** Unique in a run. */
  readonly name: string;
  /** Names of plugins that must be in the list too. */
  readonly needs?: readonly string[];
  setup?(run: Run): void | Promise<void>;
  /** Shape of the features that its `buildAux` hands on, where that differs from the site's. */
  featureShape?(site: CutSite): Shape;
  buildAux?(site: AuxSite, build: (site: AuxSite) => AuxiliaryNetwork): AuxiliaryNetwork;
  afterBackward?: Hook<BlockStep> | GradientHook;
  afterBlockStep?: Hook<BlockStep>;
  afterStep?: Hook<StepInfo>;
  onEpochStart?(epoch: EpochInfo): void | Promise<void>;
  onProgress?(progress: ProgressReport): void | Promise<void>;
  /** Before the network is evaluated, by `fit` or by `trainer.evaluate`. */
  onEvaluateStart?(source: BatchSource): void | Promise<void>;
  /** Behind it, also where it failed; null then. */
  onEvaluateEnd?(evaluation: Evaluation | null): void | Promise<void>;
  onEpochEnd?(epoch: EpochReport): void | Promise<void>;
  onSavePoint?(point: SavePoint): void | Promise<void>;
  /** Behind the last epoch of a call of `fit`, also one that was ended early. */
  onFitEnd?(report: FitReport): void | Promise<void>;
  onError?(error: unknown): void | Promise<void>;
  /** Variables of its own for the run's state, beside those of the auxiliary networks it built. */
  state?(): NamedVariables;
  /** What else it needs in a run that is resumed, as JSON can keep it. */
  saveState?(): unknown;
  /** Takes over what `saveState` returned, behind `setup`. */
  loadState?(state: unknown): void;
  dispose?(): void;
}

/** A plugin list may hold nested lists and falsy values: `[man(), verbose && progress()]`. */
export type PluginOption = TrainerPlugin | false | null | undefined | readonly PluginOption[];
