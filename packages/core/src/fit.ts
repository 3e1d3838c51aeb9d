import { disposeBatch } from './batch.ts';
import type { Batch, BatchSource, EpochInfo, EpochReport, FitReport, ProgressReport, StepMetrics } from './contracts.ts';
import { EpochState } from './epoch-state.ts';
import { badOption, noData, snapshotData } from './errors.ts';
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

/** One epoch, or the rest of one, or null when it was ended amid. */
async function runEpoch(trainer: Trainer, train: BatchSource, { epochs, evaluate, signal }: FitOptions): Promise<EpochReport | null> {
  const epoch = trainer.epoch + 1;
  const state = continued(trainer, train);
  const info: EpochInfo = { epoch, epochs, learningRate: trainer.schedule(epoch), batches: train.batches, examples: train.examples };
  await trainer.plugins.run('onEpochStart', info);
  const report = async () => {
    const steps = trainer.readMetrics();
    for (const step of steps) state.average.add(step);
    if (trainer.plugins.has('onProgress')) await trainer.plugins.run('onProgress', progressReport(trainer, info, state, steps));
  };
  for await (const next of state.timed(rest(train, epoch, state.batch))) {
    try {
      trainer.step(next);
    } finally {
      disposeBatch(next);
    }
    state.batch++;
    if (trainer.unreadSteps >= trainer.readEvery) {
      await report();
      // Behind the last step of an epoch, and where the run ends, there is one anyway.
      if (state.batch < train.batches && !isEnding(trainer, signal)) await savePoint(trainer, null, false);
    }
    await nextTurn();
    if (isEnding(trainer, signal)) break;
  }
  state.stop();
  if (state.batch === 0 && !isEnding(trainer, signal)) throw noData('fit');
  if (trainer.unreadSteps > 0) await report();
  if (state.batch < train.batches && isEnding(trainer, signal)) {
    await savePoint(trainer, null, true);
    return null;
  }
  return finish(trainer, info, state, { evaluate, signal });
}

/** What is behind the last step of an epoch. */
async function finish(
  trainer: Trainer,
  info: EpochInfo,
  state: EpochState,
  { evaluate, signal }: { readonly evaluate: BatchSource | undefined; readonly signal: AbortSignal | undefined },
): Promise<EpochReport> {
  const evaluation =
    evaluate === undefined || signal?.aborted ? null : await trainer.evaluate(evaluate, signal === undefined ? {} : { signal });
  trainer.epoch = info.epoch;
  trainer.running = new EpochState();
  const finished: EpochReport = {
    ...info,
    blocks: state.average.blocks,
    evaluation: signal?.aborted ? null : evaluation,
    seconds: state.seconds,
    imagesPerSecond: state.average.examples / state.seconds,
    waiting: state.waiting,
    peakTensorBytes: trainer.peakTensorBytes,
  };
  await trainer.plugins.run('onEpochEnd', finished);
  await savePoint(trainer, finished, info.epoch >= info.epochs || isEnding(trainer, signal));
  return finished;
}

/** The epoch that is under way, or a new one. @throws MAN_CORE_SNAPSHOT_DATA where its rest would be of other data */
function continued(trainer: Trainer, { batches, examples }: BatchSource): EpochState {
  const state = new EpochState(trainer.running.position);
  if (state.batch > 0 && (state.batches !== batches || state.examples !== examples))
    throw snapshotData(`${state.batches} batches of ${state.examples} examples`, `${batches} of ${examples}`);
  state.batches = batches;
  state.examples = examples;
  trainer.running = state;
  return state;
}

/** The batches of an epoch from one on. */
function rest(source: BatchSource, epoch: number, from: number): AsyncIterable<Batch> | Iterable<Batch> {
  if (from === 0) return source.epoch(epoch);
  return source.canSkip === true ? source.epoch(epoch, { from }) : without(source.epoch(epoch), from);
}

async function* without(batches: AsyncIterable<Batch> | Iterable<Batch>, count: number): AsyncGenerator<Batch> {
  let seen = 0;
  for await (const batch of batches) {
    if (seen++ < count) disposeBatch(batch);
    else yield batch;
  }
}

async function savePoint(trainer: Trainer, finished: EpochReport | null, isLast: boolean): Promise<void> {
  if (!trainer.plugins.has('onSavePoint')) return;
  const { steps, epoch } = trainer;
  await trainer.plugins.run('onSavePoint', { steps, epoch, finished, isLast, snapshot: () => trainer.snapshot() });
}

function progressReport(trainer: Trainer, info: EpochInfo, state: EpochState, steps: readonly StepMetrics[]): ProgressReport {
  const batchesLeft = info.batches - state.batch + (info.epochs - info.epoch) * info.batches;
  return {
    ...info,
    batch: state.batch,
    blocks: state.average.blocks,
    steps,
    imagesPerSecond: state.average.examples / state.seconds,
    waiting: state.waiting,
    peakTensorBytes: trainer.peakTensorBytes,
    secondsLeft: (state.seconds / Math.max(1, state.batch)) * batchesLeft,
  };
}
