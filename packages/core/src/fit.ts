import { disposeBatch } from './batch.ts';
import type { Batch, BatchSource, EpochInfo, EpochReport, FitReport, ProgressReport, StepMetrics } from './contracts.ts';
import { badOption, noData } from './errors.ts';
import { MetricsAverage } from './metrics.ts';
import { nextTurn } from './next-turn.ts';
import type { Trainer } from './trainer.ts';

export interface FitOptions {
  /** Epochs to have finished in the end. */
  readonly epochs: number;
  /** Evaluated after every epoch. */
  readonly evaluate?: BatchSource;
  /** Ends training after the running step; what is finished is reported. */
  readonly signal?: AbortSignal;
}

/** The loop over epochs; see {@link Trainer}. */
export async function fit(trainer: Trainer, train: BatchSource, options: FitOptions): Promise<FitReport> {
  const { epochs, signal } = options;
  if (!Number.isInteger(epochs) || epochs < 1) throw badOption('fit', 'epochs', 'a whole number ≥ 1', epochs);
  const start = performance.now();
  const reports: EpochReport[] = [];
  trainer.stoppedBy = null;
  try {
    await trainer.setup();
    while (trainer.epoch < epochs && !isEnding(trainer, signal)) {
      const report = await runEpoch(trainer, train, options);
      if (report === null) break;
      reports.push(report);
    }
    const interrupted = signal?.aborted === true && trainer.epoch < epochs;
    const ended = { epochs: reports, interrupted, stoppedBy: trainer.stoppedBy, seconds: (performance.now() - start) / 1000 };
    await trainer.plugins.run('onFitEnd', ended);
    return ended;
  } catch (error) {
    await trainer.plugins.run('onError', error);
    throw error;
  }
}

/** Whether the signal or a plugin asked for the end. */
function isEnding(trainer: Trainer, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || trainer.stoppedBy !== null;
}

/** One epoch, or null when it was ended amid. */
async function runEpoch(trainer: Trainer, train: BatchSource, { epochs, evaluate, signal }: FitOptions): Promise<EpochReport | null> {
  const epoch = trainer.epoch + 1;
  const info: EpochInfo = { epoch, epochs, learningRate: trainer.schedule(epoch), batches: train.batches, examples: train.examples };
  await trainer.plugins.run('onEpochStart', info);
  const clock = new EpochClock();
  const average = new MetricsAverage();
  let batch = 0;
  const report = async () => {
    const steps = trainer.readMetrics();
    for (const step of steps) average.add(step);
    if (trainer.plugins.has('onProgress'))
      await trainer.plugins.run('onProgress', progressReport(trainer, info, clock, average, batch, steps));
  };
  for await (const next of clock.timed(train.epoch(epoch))) {
    try {
      trainer.step(next);
    } finally {
      disposeBatch(next);
    }
    batch++;
    if (trainer.unreadSteps >= trainer.readEvery) await report();
    await nextTurn();
    if (isEnding(trainer, signal)) break;
  }
  clock.stop();
  if (batch === 0 && !isEnding(trainer, signal)) throw noData('fit');
  if (trainer.unreadSteps > 0) await report();
  if (batch < train.batches && isEnding(trainer, signal)) return null;
  trainer.epoch = epoch;
  const { seconds, waiting } = clock;
  const evaluation =
    evaluate === undefined || signal?.aborted ? null : await trainer.evaluate(evaluate, signal === undefined ? {} : { signal });
  const finished: EpochReport = {
    ...info,
    blocks: average.blocks,
    evaluation: signal?.aborted ? null : evaluation,
    seconds,
    imagesPerSecond: average.examples / seconds,
    waiting,
    peakTensorBytes: trainer.peakTensorBytes,
  };
  await trainer.plugins.run('onEpochEnd', finished);
  return finished;
}

function progressReport(
  trainer: Trainer,
  info: EpochInfo,
  clock: EpochClock,
  average: MetricsAverage,
  batch: number,
  steps: readonly StepMetrics[],
): ProgressReport {
  const imagesPerSecond = average.examples / clock.seconds;
  const batchesLeft = info.batches - batch + (info.epochs - info.epoch) * info.batches;
  return {
    ...info,
    batch,
    blocks: average.blocks,
    steps,
    imagesPerSecond,
    waiting: clock.waiting,
    peakTensorBytes: trainer.peakTensorBytes,
    secondsLeft: (clock.seconds / Math.max(1, batch)) * batchesLeft,
  };
}

/** Measures an epoch, and how much of it the engine waited for data. */
class EpochClock {
  readonly #start = performance.now();
  #end: number | undefined;
  #waitedMs = 0;

  /** The batches of a source, with the time until each arrives counted as waiting. */
  async *timed(source: AsyncIterable<Batch> | Iterable<Batch>): AsyncGenerator<Batch> {
    let asked = performance.now();
    for await (const batch of source) {
      this.#waitedMs += performance.now() - asked;
      yield batch;
      asked = performance.now();
    }
  }

  stop(): void {
    this.#end = performance.now();
  }

  get seconds(): number {
    return ((this.#end ?? performance.now()) - this.#start) / 1000;
  }

  /** Share of the time spent waiting, 0 … 1. */
  get waiting(): number {
    return Math.min(1, this.#waitedMs / 1000 / this.seconds);
  }
}
