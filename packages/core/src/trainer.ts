import { createRng, type Rng, restoreRng } from '@man/base';
import { measurePeakBytes, span } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { auxSite } from './aux-site.ts';
import { checkBatch } from './batch.ts';
import { BlockTrainer, forward } from './blocks.ts';
import { classifierLoss } from './classifier.ts';
import type {
  AuxSite,
  Backbone,
  Batch,
  BatchSource,
  CutSite,
  Evaluation,
  FitReport,
  LocalBlock,
  LocalLoss,
  NamedVariables,
  Network,
  OptimizerDefinition,
  Schedule,
  StepMetrics,
} from './contracts.ts';
import { type BlockCost, blockCosts, describeBlocks } from './describe.ts';
import { EpochState } from './epoch-state.ts';
import { disposed, lossMissing } from './errors.ts';
import { evaluate } from './evaluate.ts';
import { type FitOptions, fit } from './fit.ts';
import { MetricsBuffer } from './metrics.ts';
import { prefixed } from './named.ts';
import { cutIntoBlocks } from './partition.ts';
import { Plugins } from './plugins.ts';
import { PluginStreams, restoreSnapshot, takeSnapshot } from './resume.ts';
import { constant } from './schedules.ts';
import { sgd } from './sgd.ts';
import type { RestoreOptions, Snapshot } from './snapshot.ts';
import { trainBlocks } from './train-blocks.ts';
import type { TrainerOptions } from './trainer-options.ts';

/**
 * Trains a network cut into K gradient-isolated blocks; one block is ordinary end-to-end training.
 *
 * This loop is the specification of the hooks:
 *
 * ```text
 * buildAux(site, build)                               at construction, for each block
 * setup(run)                                          once, before the first epoch
 * for epoch = 1 … epochs
 *   onEpochStart(epoch)
 *   for batch of train.epoch(epoch)
 *     x = batch.images
 *     for block j = 1 … K
 *       h = block_j(x)                                x is a constant: no gradient leaves the block
 *       loss_j = aux_j.loss(h, batch)                 the classifier's cross-entropy for j = K
 *       gradients of loss_j
 *       afterBackward(block j)                        may return other gradients
 *       optimizer_j.apply(gradients, rate)
 *       afterBlockStep(block j)
 *       x = h                                         everything else of block j is freed here
 *     afterStep(step)
 *     every readEvery steps: onProgress(progress)
 *   onProgress(progress)                              where steps are left to report
 *   onEvaluateStart(source), evaluate, onEvaluateEnd(evaluation)
 *   onEpochEnd(report)
 *   onSavePoint(point)                                between steps behind an onProgress, and behind onEpochEnd
 * onFitEnd(report)                                    when fit ends, also early
 * onError(error)                                      when anything of the above throws
 * dispose()                                           with the trainer
 * ```
 *
 * `run.stop()` ends `fit` after the running step, which leaves its epoch unfinished, or, from `onEpochEnd`, before the next epoch.
 */
export class Trainer {
  readonly backbone: Backbone;
  readonly blocks: readonly LocalBlock[];
  /** Null with one block, which needs none. */
  readonly loss: LocalLoss | null;
  readonly network: Network;
  readonly seed: number | string;
  readonly schedule: Schedule;
  readonly readEvery: number;
  /** Epochs finished so far. */
  epoch = 0;
  /** Steps taken so far. */
  steps = 0;
  /** Most bytes of tensors alive at once in any step so far. */
  peakTensorBytes = 0;
  /** The same during the turn of each block. */
  get peakBytesOfBlocks(): readonly number[] {
    return this.trainers.map(({ peakBytes }) => peakBytes);
  }
  /** @internal The plugin that asked the running `fit` to end. */
  stoppedBy: string | null = null;
  /** @internal The epoch that is not finished. */
  running = new EpochState();
  /** @internal */
  readonly plugins: Plugins;
  readonly #metrics = new MetricsBuffer();
  /** @internal */
  readonly trainers: readonly BlockTrainer[];
  readonly #rng: Rng;
  /** @internal */
  readonly streams: PluginStreams;
  #isSetUp = false;
  #isDisposed = false;

  constructor(options: TrainerOptions) {
    const { backbone, partition = { blocks: 1 }, optimizer = sgd(), seed = 1 } = options;
    this.backbone = backbone;
    this.seed = seed;
    this.schedule = options.schedule ?? constant(0.1);
    this.readEvery = options.readEvery ?? 10;
    this.plugins = new Plugins(options.plugins, options.trace);
    this.#rng = createRng(seed);
    this.streams = new PluginStreams(this.#rng, restoreRng);
    this.network = backbone.build(this.#rng.split('network'));
    try {
      this.blocks = cutIntoBlocks(backbone, this.network, partition, (site) => this.#objection(site, options.loss));
      this.loss = this.blocks.length > 1 ? (options.loss ?? null) : null;
      this.trainers = this.#attach(optimizer);
    } catch (error) {
      for (const unit of [...this.network.units, this.network.classifier]) unit.dispose();
      throw error;
    }
  }

  /** Everything that training changes, by dotted name: weights, running statistics, auxiliary networks, plugin state. */
  variables(): NamedVariables {
    return {
      ...Object.assign({}, ...this.trainers.flatMap((trainer) => [trainer.variables, trainer.buffers])),
      ...Object.assign({}, ...this.plugins.list.map((plugin) => plugin.state?.())),
    };
  }

  /** The network alone, as for evaluation: units and classifier with their running statistics. */
  networkVariables(): NamedVariables {
    const all = [...this.network.units, this.network.classifier];
    return prefixed(Object.fromEntries(all.map((unit) => [unit.name, { ...unit.parameters(), ...unit.buffers() }])));
  }

  /** A copy of the optimisers' state, `<variable name>` → momentum; the caller owns it. */
  optimizerState(): Record<string, tf.Tensor> {
    return Object.assign({}, ...this.trainers.map((trainer) => trainer.optimizer.state()));
  }

  /** Trainable values: those of the network, and those that only training needs. */
  countParameters(): { readonly network: number; readonly auxiliary: number } {
    const all = this.trainers.flatMap((trainer) => Object.entries(trainer.variables));
    const count = (isAux: boolean) => all.reduce((sum, [name, { size }]) => (name.startsWith('aux.') === isAux ? sum + size : sum), 0);
    return { network: count(false), auxiliary: count(true) };
  }

  /** Trains until `epochs` epochs are finished, counting those of earlier calls. */
  async fit(train: BatchSource, options: FitOptions): Promise<FitReport> {
    this.checkInUse();
    return fit(this, train, options);
  }

  /** Runs the plugins' `setup`, once; `fit` does so by itself. */
  async setup(): Promise<void> {
    if (this.#isSetUp) return;
    this.#isSetUp = true;
    await this.plugins.run('setup', (plugin: string) => ({
      blocks: this.blocks,
      network: this.networkVariables(),
      seed: this.seed,
      rng: this.streams.of(plugin),
      epoch: this.epoch,
      steps: this.steps,
      stop: () => {
        this.stoppedBy ??= plugin;
      },
    }));
  }

  /**
   * One step, at the schedule's rate or the one given. What it measures stays on the engine until `readMetrics`, the batch the caller's.
   * @throws MAN_CORE_BATCH_SHAPE, MAN_CORE_BATCH_LABELS, MAN_CORE_BATCH_TOO_SMALL
   */
  step(batch: Batch, options: { readonly learningRate?: number } = {}): void {
    this.checkInUse();
    checkBatch(batch, this.backbone.inputShape);
    const step = this.steps + 1;
    const epoch = this.epoch + 1;
    const { learningRate = this.schedule(epoch) } = options;
    const examples = batch.images.shape[0] as number;
    const { result: rows, peakBytes } = span('step', () =>
      measurePeakBytes((lap) => trainBlocks(this.trainers, this.plugins, batch, { step, epoch, learningRate }, lap)),
    );
    this.peakTensorBytes = Math.max(this.peakTensorBytes, peakBytes);
    this.steps = step;
    this.#metrics.push({ step, epoch, examples, learningRate, rows });
    this.plugins.runSync('afterStep', { step, epoch, learningRate, examples });
  }

  /** All that this run needs to go on from here, between two steps; its tensors are the caller's. @throws MAN_CORE_NOT_AT_REST */
  snapshot(): Snapshot {
    return takeSnapshot(this);
  }

  /** Goes on, bit for bit, where a snapshot (it stays the caller's) was taken; sets plugins up. @throws MAN_CORE_SNAPSHOT_MISMATCH listing all */
  async restore(snapshot: Snapshot, options: RestoreOptions = {}): Promise<void> {
    return restoreSnapshot(this, snapshot, options);
  }

  /** Steps whose measurements `readMetrics` has not fetched yet. */
  get unreadSteps(): number {
    return this.#metrics.length;
  }

  /**
   * Fetches losses and accuracies of the steps since the last call, all at once; `fit` does so every `readEvery` steps. A loop that
   * calls `step` itself calls it now and then: until then a small tensor per block and step is kept.
   * @throws MAN_CORE_NOT_FINITE naming block, step and term
   */
  readMetrics(): StepMetrics[] {
    return this.#metrics.drain();
  }

  /** Logits `[n, classes]` of normalised pictures `[n, ...inputShape]`, with running statistics; the caller's. */
  predict(images: tf.Tensor): tf.Tensor2D {
    this.checkInUse();
    return tf.tidy(() => forward([...this.network.units, this.network.classifier], images, false) as tf.Tensor2D);
  }

  /** Top-1 accuracy and cross-entropy over the first epoch of a source, in evaluation mode; `signal` ends it early. @throws MAN_CORE_NO_DATA */
  async evaluate(source: BatchSource, options: { readonly signal?: AbortSignal } = {}): Promise<Evaluation> {
    this.checkInUse();
    return evaluate(this, source, options);
  }

  /** A table of the blocks: units, shapes, parameters, MACs, what the auxiliary networks add, and what the local loss has chosen. */
  describe(): string {
    const chosen = this.loss?.describe?.(this.blocks.length);
    return [describeBlocks(this.trainers), ...(chosen === undefined ? [] : [`${this.loss?.name}: ${chosen}`])].join('\n');
  }

  /** The numbers of that table. */
  costs(): BlockCost[] {
    return blockCosts(this.trainers);
  }

  /** Frees every variable of the network, the auxiliary networks, the optimisers and the plugins. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#metrics.dispose();
    try {
      this.plugins.dispose();
    } finally {
      for (const trainer of this.trainers) trainer.dispose();
    }
  }

  /** What the local loss, which is given what the plugins make of a block's output, says against a cut. */
  #objection(site: CutSite, loss: LocalLoss | undefined): string | null {
    return loss?.objection?.({ ...site, featureShape: this.plugins.featureShape(site) }) ?? null;
  }

  /** Builds the auxiliary networks, through the plugins, and the optimisers. */
  #attach(optimizer: OptimizerDefinition): BlockTrainer[] {
    const { loss } = this;
    if (this.blocks.length > 1 && loss === null) throw lossMissing(this.blocks.length);
    const trainers: BlockTrainer[] = [];
    try {
      for (const block of this.blocks) {
        const isLast = block.index === this.blocks.length - 1;
        const site = auxSite(this.blocks, block.index, this.backbone, this.#rng.split(`aux.${block.index}`));
        const build = (at: AuxSite) => (isLast ? classifierLoss(this.network.classifier) : (loss as LocalLoss).build(at));
        trainers.push(new BlockTrainer(block, this.plugins.buildAux(site, build), isLast, optimizer));
      }
      return trainers;
    } catch (error) {
      for (const trainer of trainers) trainer.dispose();
      throw error;
    }
  }

  /** @internal */
  checkInUse(): void {
    if (this.#isDisposed) throw disposed();
  }
}
