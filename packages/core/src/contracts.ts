import type { Rng } from '@man/base';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { CutSite, LocalBlock, NamedVariables, Shape } from './network-contracts.ts';

export type * from './network-contracts.ts';

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
  /** The batches of epoch 1, 2, …; equal epochs of equal sources give equal batches. */
  epoch(epoch: number): AsyncIterable<Batch> | Iterable<Batch>;
}

/** The place where an auxiliary network is built. */
export interface AuxSite {
  readonly block: LocalBlock;
  /** The block behind, or null for the last one, whose "auxiliary network" is the final classifier. */
  readonly next: LocalBlock | null;
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

/** Loss and accuracy of one block, over one step or averaged over several (weighted by examples). */
export interface BlockMetrics {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  /** Share of examples the block's own head (the classifier, for the last block) classifies correctly; null without one. */
  readonly accuracy: number | null;
}

/** What one step measured. */
export interface StepMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly examples: number;
  readonly learningRate: number;
  readonly blocks: readonly BlockMetrics[];
}

/** Where an epoch begins. */
export interface EpochInfo {
  readonly epoch: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly batches: number;
  readonly examples: number;
}

/** Where an epoch stands; sent every `readEvery` steps and at its end. */
export interface ProgressReport extends EpochInfo {
  /** Batches of this epoch that are done. */
  readonly batch: number;
  /** Averages over the epoch so far. */
  readonly blocks: readonly BlockMetrics[];
  /** The steps since the last report, one by one. */
  readonly steps: readonly StepMetrics[];
  /** Training speed of the epoch so far. */
  readonly imagesPerSecond: number;
  /** Share of the time that the engine waited for data, 0 … 1. */
  readonly waiting: number;
  /** Most bytes of tensors alive at once in any step so far. */
  readonly peakTensorBytes: number;
  /** Estimate for the whole run. */
  readonly secondsLeft: number;
}

/** What an evaluation measured. */
export interface Evaluation {
  readonly examples: number;
  /** Share classified correctly (top-1), 0 … 1. */
  readonly accuracy: number;
  /** Mean cross-entropy of the classifier. */
  readonly loss: number;
  readonly seconds: number;
}

/** A finished epoch. */
export interface EpochReport extends EpochInfo {
  readonly blocks: readonly BlockMetrics[];
  /** Null where nothing was evaluated. */
  readonly evaluation: Evaluation | null;
  /** Training only, without the evaluation. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly waiting: number;
  readonly peakTensorBytes: number;
}

/** What {@link Trainer.fit} resolves to. */
export interface FitReport {
  readonly epochs: readonly EpochReport[];
  /** Whether the signal ended it early. */
  readonly interrupted: boolean;
  /** The plugin that ended it by `run.stop()`; null where none did. */
  readonly stoppedBy: string | null;
  readonly seconds: number;
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
  /** Behind the last epoch of a call of `fit`, also one that was ended early. */
  onFitEnd?(report: FitReport): void | Promise<void>;
  onError?(error: unknown): void | Promise<void>;
  /** Variables of its own for the run's state, beside those of the auxiliary networks it built. */
  state?(): NamedVariables;
  dispose?(): void;
}

/** A plugin list may hold nested lists and falsy values: `[man(), verbose && progress()]`. */
export type PluginOption = TrainerPlugin | false | null | undefined | readonly PluginOption[];
