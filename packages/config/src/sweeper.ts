import { createRng, defineSchema, finiteNumber, formatValue, positiveInt, type Rng } from '@man/base';
import { badSweep } from './errors.ts';
import { type Axis, gridJobs, type Sweep, type SweepJob, sweepJob } from './sweep.ts';

/** A run that has ended, for sweepers that learn from results. */
export interface Trial extends SweepJob {
  /** What is to be made small; null where the run failed. */
  readonly value: number | null;
}

/** Decides which runs a sweep has. */
export interface Sweeper {
  readonly name: string;
  /**
   * The next runs, which may go side by side; none when the sweep is over.
   *
   * @param finished every run proposed so far, with its result
   */
  propose(sweep: Sweep, finished: readonly Trial[]): readonly SweepJob[] | Promise<readonly SweepJob[]>;
}

/** Every combination of the values, at once. */
export function gridSweeper(): Sweeper {
  return { name: 'grid', propose: (sweep, finished) => (finished.length === 0 ? gridJobs(sweep) : []) };
}

/** What {@link randomSweeper} can be told. */
export interface RandomSweeperOptions {
  /** Runs in all. Default 10. */
  readonly trials?: number;
  /** Decides what is drawn; more trials begin with the same ones. Default 0. */
  readonly seed?: number;
}

/** {@link RandomSweeperOptions} as keys of a configuration. */
export const randomSweeperSchema = defineSchema({
  trials: { doc: 'Runs in all.', default: 10, format: positiveInt },
  seed: { doc: 'Decides what is drawn.', default: 0, format: finiteNumber },
});

/**
 * Draws a value for each axis, independently: options and numbers with equal chance, logarithms of `interval(…,log)`. No two runs are
 * equal; where there are fewer combinations than trials, each comes once.
 *
 * @throws `MAN_CONFIG_SWEEP`
 */
export function randomSweeper({ trials = 10, seed = 0 }: RandomSweeperOptions = {}): Sweeper {
  if (!(Number.isSafeInteger(trials) && trials > 0)) throw badSweep('random', `expected 1 trial or more, got ${trials}`, 'trials=10');
  return {
    name: 'random',
    propose: (sweep, finished) => (finished.length === 0 ? draw(sweep, trials, createRng(seed).split('sweep')) : []),
  };
}

function draw(sweep: Sweep, trials: number, rng: Rng): SweepJob[] {
  const hasEnd = sweep.axes.every(({ values }) => values.kind === 'choice');
  const wanted = hasEnd ? Math.min(trials, gridJobs(sweep).length) : trials;
  const jobs = new Map<string, SweepJob>();
  // By the number of the trial and the key: neither more trials nor a further axis change what is drawn.
  for (let i = 0; jobs.size < wanted && i < 1000 * wanted; i++) {
    const job = sweepJob(
      sweep,
      sweep.axes.map((axis) => drawOne(axis, rng.split(String(i)).split(axis.key))),
    );
    jobs.set(job.varied.join('\n'), job);
  }
  return [...jobs.values()];
}

function drawOne({ values }: Axis, rng: Rng): string {
  const share = rng.next();
  if (values.kind === 'choice') return values.texts[Math.floor(share * values.texts.length)] as string;
  const { low, high, scale } = values;
  if (scale === 'int') return formatValue(low + Math.floor(share * (high - low + 1)));
  const value = scale === 'log' ? low * (high / low) ** share : low + share * (high - low);
  return formatValue(Number(value.toPrecision(6)));
}
