import { isManError } from '@man/base';
import { type Batch, type BatchSource, disposeBatch, type Trainer } from '@man/core';
import { badOption } from './errors.ts';

/** Options of {@link findLearningRate}. */
export interface FindLearningRateOptions {
  /** First and lowest rate; default 1e-5. */
  readonly from?: number;
  /** Last and highest rate, reached if the loss does not diverge before; default 10. */
  readonly to?: number;
  /** Steps from the one to the other, each by the same factor; default 100. */
  readonly steps?: number;
  /** Share of the smoothed loss that stays from step to step, 0 to below 1; default 0.8. */
  readonly smoothing?: number;
  /** The test ends where the smoothed loss is this many times its lowest; default 4. */
  readonly divergence?: number;
  /** Ends the test after the running step. */
  readonly signal?: AbortSignal;
}

/** One step of a range test. */
export interface RatePoint {
  readonly learningRate: number;
  /** Sum of the losses of all blocks: what one step of local learning lowers. */
  readonly loss: number;
  readonly smoothed: number;
  /** Loss of each block, first block first. */
  readonly blocks: readonly number[];
}

/** What {@link findLearningRate} found. */
export interface RangeTest {
  readonly points: readonly RatePoint[];
  /** Where the smoothed loss falls most steeply over the logarithm of the rate: a good highest rate of a schedule. Null where it never falls. */
  readonly suggestion: number | null;
  /** Where the smoothed loss is lowest: training at this rate is close to diverging. Null without points. */
  readonly lowest: number | null;
  /** Whether the loss diverged before the highest rate. */
  readonly diverged: boolean;
}

/**
 * Learning-rate range test (Smith, 2017): trains a few steps with a rate that grows exponentially and looks at where the loss falls and
 * where it diverges. It trains a trainer of its own, so yours, its seed and its plugins are as they were.
 *
 * @param create makes the trainer to test, which is disposed of; plugins must be made anew in it, too
 * @param source its epochs are used one after the other, as many as there are steps for
 * @throws MAN_EXTRAS_OPTION, and what `create` and a step throw
 * @example
 * ```ts
 * const { suggestion } = await findLearningRate(() => createTrainer({ backbone: resnet32(), plugins: [man()], ... }), train);
 * ```
 */
export async function findLearningRate(
  create: () => Trainer,
  source: BatchSource,
  options: FindLearningRateOptions = {},
): Promise<RangeTest> {
  const settings = resolve(options);
  const measured: (readonly number[])[] = [];
  const trainer = create();
  let diverged = false;
  try {
    await trainer.setup();
    const recent = smoother(settings.smoothing);
    let best = Number.POSITIVE_INFINITY;
    for await (const batch of batchesOf(source, settings.steps)) {
      const losses = lossesOf(trainer, batch, rateAt(measured.length, settings));
      const level = losses === null ? Number.NaN : recent(sum(losses));
      best = Math.min(best, level);
      diverged = !(level <= settings.divergence * best);
      if (losses === null || diverged) break;
      measured.push(losses);
      if (options.signal?.aborted) break;
    }
  } finally {
    trainer.dispose();
  }
  return { ...judged(measured, settings), diverged };
}

type Settings = Required<Omit<FindLearningRateOptions, 'signal'>>;

function resolve({ from = 1e-5, to = 10, steps = 100, smoothing = 0.8, divergence = 4 }: FindLearningRateOptions): Settings {
  const where = 'findLearningRate';
  if (!(from > 0)) throw badOption(where, 'from', 'a number above 0', from);
  if (!(to > from)) throw badOption(where, 'to', `a number above from (${from})`, to);
  if (!Number.isInteger(steps) || steps < 10) throw badOption(where, 'steps', 'a whole number ≥ 10', steps);
  if (!(smoothing >= 0 && smoothing < 1)) throw badOption(where, 'smoothing', 'a number from 0 to below 1', smoothing);
  if (!(divergence > 1)) throw badOption(where, 'divergence', 'a number above 1', divergence);
  return { from, to, steps, smoothing, divergence };
}

function rateAt(step: number, { from, to, steps }: Settings): number {
  return from * (to / from) ** (step / (steps - 1));
}

/** As many batches as there are steps, from epoch 1, 2, … of the source. */
async function* batchesOf(source: BatchSource, steps: number): AsyncGenerator<Batch> {
  let given = 0;
  for (let epoch = 1; given < steps; epoch++) {
    const before = given;
    for await (const batch of source.epoch(epoch)) {
      yield batch;
      if (++given === steps) return;
    }
    if (given === before) return;
  }
}

/** One step; the losses of the blocks before its update, or null where one is not finite. */
function lossesOf(trainer: Trainer, batch: Batch, learningRate: number): number[] | null {
  try {
    trainer.step(batch, { learningRate });
    return trainer.readMetrics().flatMap(({ blocks }) => blocks.map(({ loss }) => loss));
  } catch (error) {
    if (isManError(error, 'MAN_CORE_NOT_FINITE')) return null;
    throw error;
  } finally {
    disposeBatch(batch);
  }
}

function judged(measured: readonly (readonly number[])[], settings: Settings): Omit<RangeTest, 'diverged'> {
  const losses = measured.map(sum);
  // There and back again: smoothed to one side only, curves lag behind and rates come out several times too high.
  const there = losses.map(smoother(settings.smoothing));
  const smoothed = there.toReversed().map(smoother(settings.smoothing)).toReversed();
  const points = measured.map((blocks, i) => ({
    learningRate: rateAt(i, settings),
    loss: losses[i] as number,
    smoothed: smoothed[i] as number,
    blocks,
  }));
  const slopes = smoothed.map((_, i) => ((smoothed[i + 1] ?? Number.NaN) - (smoothed[i - 1] ?? Number.NaN)) / 2);
  const steepest = indexOfLeast(slopes);
  const falls = steepest !== undefined && (slopes[steepest] as number) < 0;
  const lowest = indexOfLeast(smoothed);
  return {
    points,
    suggestion: falls ? (points[steepest]?.learningRate ?? null) : null,
    lowest: lowest === undefined ? null : (points[lowest]?.learningRate ?? null),
  };
}

/** An exponential moving average that begins at the first value rather than at zero. */
function smoother(share: number): (value: number) => number {
  let [total, weight] = [0, 0];
  return (value) => {
    total = share * total + (1 - share) * value;
    weight = share * weight + (1 - share);
    return total / weight;
  };
}

function indexOfLeast(values: readonly number[]): number | undefined {
  const finite = values.flatMap((value, index) => (Number.isFinite(value) ? [index] : []));
  return finite.length === 0
    ? undefined
    : finite.reduce((least, index) => ((values[index] as number) < (values[least] as number) ? index : least));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
