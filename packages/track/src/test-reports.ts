import { createRng } from '@man/base';
import type { BlockMetrics, EpochReport, LocalBlock, ProgressReport, Run, StepMetrics } from '@man/core';

/** Blocks of the given losses; only the last one has an accuracy. For tests. */
export function blocksOf(losses: readonly number[], accuracy = 0.5): BlockMetrics[] {
  return losses.map((loss, index) => ({ loss, terms: { total: loss }, accuracy: index === losses.length - 1 ? accuracy : null }));
}

/** A report of training half way through epoch 2 of 3, with changes. For tests. */
export function progressReport(changes: Partial<ProgressReport> = {}): ProgressReport {
  const blocks = changes.blocks ?? blocksOf([2.1, 1.9, 1.5, 1.25], 0.4321);
  return {
    epoch: 2,
    epochs: 3,
    learningRate: 0.1,
    batches: 20,
    examples: 2560,
    batch: 10,
    blocks,
    steps: [],
    imagesPerSecond: 1234.5,
    waiting: 0,
    peakTensorBytes: 45_600_000,
    secondsLeft: 754,
    ...changes,
  };
}

/** A report of a finished epoch, with changes. For tests. */
export function epochReport(changes: Partial<EpochReport> = {}): EpochReport {
  return {
    epoch: 2,
    epochs: 3,
    learningRate: 0.1,
    batches: 20,
    examples: 2560,
    blocks: blocksOf([2, 1.8, 1.4, 1.2], 0.4567),
    evaluation: { examples: 1000, accuracy: 0.4812, top5Accuracy: 1, loss: 1.31, seconds: 0.7 },
    seconds: 12.34,
    imagesPerSecond: 1240.2,
    waiting: 0,
    peakTensorBytes: 45_600_000,
    ...changes,
  };
}

/** What step `step` measured. For tests. */
export function stepMetrics(step: number, changes: Partial<StepMetrics> = {}): StepMetrics {
  return { step, epoch: 1, examples: 128, learningRate: 0.1, blocks: blocksOf([2.5 / step, 2 / step]), ...changes };
}

/** A run of so many blocks, with changes. For tests. */
export function exampleRun(blocks = 2, changes: Partial<Run> = {}): Run {
  const block = (index: number): LocalBlock => ({ index, units: [{} as LocalBlock['units'][0]], outputShape: [1] });
  return {
    blocks: Array.from({ length: blocks }, (_, i) => block(i)),
    network: {},
    seed: 7,
    rng: createRng(7),
    epoch: 0,
    steps: 0,
    stop: () => {},
    ...changes,
  };
}
