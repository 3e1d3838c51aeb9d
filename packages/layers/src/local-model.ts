import { prefixed } from '@man/core';
import type { Man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import type { BlockLearner } from './block-learner.ts';
import { BlockLosses } from './block-losses.ts';
import { another, followRate } from './optimizers.ts';
import { checkLoss, checkWeights } from './supported.ts';
import { loadTraining, saveTraining, type Training } from './training-state.ts';

/** A block, by the names of its layers. */
export interface BlockSummary {
  readonly layers: readonly string[];
  /** The layers of the next block that its auxiliary network sees through MAN; empty without. */
  readonly looksAt: readonly string[];
}

/** What a {@link LocalModel} is made of. */
export interface LocalModelParts {
  readonly blocks: readonly BlockSummary[];
  /** One per block; the last learns by the model's own loss. */
  readonly learners: readonly BlockLearner[];
  readonly man: Man | null;
  /** Whether an EMA copy moves behind its block's turn instead of behind the step. */
  readonly movesInTurn: boolean;
  /** The pictures in [0, 1] that a batch of inputs shows. */
  readonly pixels: ((x: tf.Tensor) => tf.Tensor) | undefined;
  readonly compile: tf.ModelCompileArgs;
}

/** What a block is called in logs and by MAN. */
export const nameOf = (index: number) => `block${index + 1}`;

/**
 * A model that trains in blocks. It has the layers and variables of the model that it was made from, and all of it but the training
 * step is `tf.LayersModel`.
 */
export class LocalModel extends tf.LayersModel {
  readonly blocks: readonly BlockSummary[];
  readonly #model: tf.LayersModel;
  readonly #parts: LocalModelParts;
  /** One per block, each like the one that the model is compiled with. */
  #optimizers: readonly tf.Optimizer[] = [];
  #losses: Readonly<Record<string, tf.Scalar>> = {};

  /** @internal The learners are its own from here on. */
  constructor(model: tf.LayersModel, parts: LocalModelParts) {
    super({ inputs: model.inputs, outputs: model.outputs, name: model.name });
    this.blocks = parts.blocks;
    this.#model = model;
    this.#parts = parts;
    this.compile(parts.compile);
  }

  /** Anew, e.g. with another optimiser; states of optimisers begin from nothing. @throws MAN_LAYERS_UNSUPPORTED */
  override compile(args: tf.ModelCompileArgs): void {
    checkLoss(args.loss);
    super.compile(args);
    this.#useOptimizers(this.#parts.learners.map(() => another(this.optimizer)));
  }

  /** As of any `tf.LayersModel`; logs and history also have the local losses, `block1_loss`, `block2_loss`, …. */
  override async fit(...[x, y, args = {}]: Parameters<tf.LayersModel['fit']>): Promise<tf.History> {
    checkWeights(args);
    return super.fit(x, y, { ...args, callbacks: this.#callbacks(args) });
  }

  override async fitDataset(...[dataset, args]: Parameters<tf.LayersModel['fitDataset']>): Promise<tf.History> {
    checkWeights(args);
    return super.fitDataset(dataset, { ...args, callbacks: this.#callbacks(args) });
  }

  /** Saves the model it was made from: nothing of blocks, local losses or MAN is in there. */
  override save(...args: Parameters<tf.LayersModel['save']>): Promise<tf.io.SaveResult> {
    return this.#model.save(...args);
  }

  /**
   * Saves what training needs beside the model: weights of the local losses, MAN's copies, the states of the blocks' optimisers. To where `save`
   * can: `'indexeddb://…'`, `'file://…'`, a handler.
   *
   * @throws MAN_LAYERS_STORE
   */
  saveTraining(to: string | tf.io.IOHandler): Promise<tf.io.SaveResult> {
    return saveTraining(this.#training(), to);
  }

  /**
   * Takes over what {@link LocalModel.saveTraining} saved, so that `fit` goes on as if it had not ended. The model must be the saved one, cut the same
   * way, with the same loss and the same kind of optimizer.
   *
   * @throws MAN_LAYERS_STORE, MAN_CORE_SNAPSHOT_MISMATCH naming what does not fit
   */
  async loadTraining(from: string | tf.io.IOHandler): Promise<void> {
    const optimizers = this.#parts.learners.map(() => another(this.optimizer));
    try {
      await loadTraining({ ...this.#training(), optimizers }, from);
    } catch (error) {
      for (const optimizer of optimizers) optimizer.dispose();
      throw error;
    }
    this.#useOptimizers(optimizers);
  }

  /** Frees local losses, copies and optimisers; the model it was made from lives on. */
  override dispose(): ReturnType<tf.LayersModel['dispose']> {
    for (const part of [...this.#parts.learners, ...this.#optimizers]) part.dispose();
    if (this.isOptimizerOwned) this.optimizer.dispose();
    tf.dispose(this.#losses);
    return { refCountAfterDispose: 0, numDisposedVariables: 0 };
  }

  protected override makeTrainFunction(): (data: tf.Tensor[]) => tf.Scalar[] {
    return ([x, y]) => tf.tidy(() => this.#step(x as tf.Tensor, y as tf.Tensor));
  }

  /** All blocks in turn, each on what the one before made of the batch. Returns the loss of the last one and the metrics. */
  #step(x: tf.Tensor, y: tf.Tensor): tf.Scalar[] {
    const { learners, man, movesInTurn, pixels } = this.#parts;
    const batch = { images: x, labels: labelsOf(y), ...(pixels === undefined ? {} : { pixels: pixels(x) }) };
    tf.dispose(this.#losses);
    const losses: Record<string, tf.Scalar> = {};
    let features = x;
    for (const [i, learner] of learners.entries()) {
      const optimizer = this.#optimizers[i] as tf.Optimizer;
      followRate(optimizer, this.optimizer);
      const isLast = i === learners.length - 1;
      const turn = learner.step(features, batch, optimizer, isLast ? (output) => this.#lossOf(y, output) : null);
      if (turn.loss !== null) losses[isLast ? 'loss' : `${nameOf(i)}_loss`] = turn.loss;
      if (movesInTurn) man?.update(nameOf(i));
      if (features !== x) features.dispose();
      features = turn.features;
    }
    if (!movesInTurn) man?.update();
    const { loss, ...local } = losses;
    for (const each of Object.values(local)) tf.keep(each);
    this.#losses = local;
    return [loss as tf.Scalar, ...this.metricsTensors.map(([metric]) => tf.mean<tf.Scalar>(metric(y, features)))];
  }

  #useOptimizers(optimizers: readonly tf.Optimizer[]): void {
    for (const optimizer of this.#optimizers) optimizer.dispose();
    this.#optimizers = optimizers;
  }

  #training(): Training {
    const { learners, man } = this.#parts;
    const variables = prefixed(Object.fromEntries(learners.map((learner, i) => [nameOf(i), learner.variables()])));
    return { variables, optimizers: this.#optimizers, man };
  }

  #lossOf(y: tf.Tensor, output: tf.Tensor): tf.Scalar {
    const [lossOf] = this.lossFunctions as [(typeof this.lossFunctions)[0]];
    return tf.mean<tf.Scalar>(lossOf(y, output));
  }

  /** The caller's callbacks behind ours, which writes into the logs that they read. */
  #callbacks({ callbacks, yieldEvery }: Pick<tf.ModelFitArgs, 'callbacks' | 'yieldEvery'>): tf.CustomCallback[] {
    const given = [callbacks ?? {}].flat();
    const all = given.map((each) => ('setParams' in each ? each : new tf.CustomCallback(each, yieldEvery)));
    return [new BlockLosses(() => this.#takeLosses()), ...all] as tf.CustomCallback[];
  }

  #takeLosses(): Readonly<Record<string, tf.Scalar>> {
    const losses = this.#losses;
    this.#losses = {};
    return losses;
  }
}

/** `[n]` int32, of labels `[n, classes]` or `[n, 1]`. */
function labelsOf(y: tf.Tensor): tf.Tensor1D {
  const isOneHot = y.rank === 2 && y.shape[1] !== 1;
  return isOneHot ? tf.argMax<tf.Tensor1D>(y, 1) : tf.cast(tf.reshape(y, [y.size]), 'int32');
}
