import type { EpochReport } from '@man/core';

/** Numbers of one epoch. Shares are 0 … 1; null stands for what was not measured or is not finite. */
export interface EpochNumbers {
  readonly epoch: number;
  /** Loss and accuracy in training of the last block, averaged over the epoch. */
  readonly trainLoss: number | null;
  readonly trainAccuracy: number | null;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  /** Share whose class is among the five likeliest; summaries of older versions do not have it. */
  readonly testTop5Accuracy?: number | null;
  /** Loss of each block in training, first block first. */
  readonly blockLosses: readonly (number | null)[];
  /** Training only, without evaluation. */
  readonly seconds: number | null;
  readonly imagesPerSecond: number | null;
  readonly peakTensorBytes: number | null;
  readonly learningRate: number | null;
}

/** Where a run ended; shares 0 … 1. */
export interface FinalNumbers {
  /** Of the last evaluated epoch. */
  readonly testAccuracy: number | null;
  readonly testError: number | null;
  /** Share whose class is not among the five likeliest; summaries of older versions do not have it. */
  readonly testTop5Error?: number | null;
  /** The least error of any epoch, and which epoch that was. Chosen on test data: report it only beside the final one. */
  readonly bestTestError: number | null;
  readonly bestEpoch: number | null;
  readonly trainLoss: number | null;
  readonly trainAccuracy: number | null;
}

/** A run in numbers; survives JSON unchanged. */
export interface RunSummary {
  /** Identifies the run: a folder or file name. */
  readonly name: string;
  /** What tables and charts call it. */
  readonly label: string;
  readonly blocks: number;
  readonly plannedEpochs: number;
  readonly epochs: readonly EpochNumbers[];
  readonly final: FinalNumbers;
  /** Trained numbers of the network without auxiliary networks. */
  readonly parameters: number | null;
  readonly seed: number | string | null;
  /** Backend and device, e.g. `tensorflow 2.9.1, 8 CPU threads`. */
  readonly engine: string | null;
  /** Training of all epochs, without evaluation. */
  readonly seconds: number;
  /** Training speed over all epochs. */
  readonly imagesPerSecond: number | null;
  /** Most bytes of tensors alive at once in any step. */
  readonly peakTensorBytes: number | null;
  /** Most memory the process ever had resident; counts everything it did before, too. */
  readonly peakResidentBytes: number | null;
  /** Whether it was stopped before its last epoch. */
  readonly interrupted: boolean;
}

/** What a run cannot know from its epochs. */
export interface RunInfo {
  readonly name: string;
  /** Default: `name`. */
  readonly label?: string;
  readonly parameters?: number | null;
  readonly seed?: number | string | null;
  readonly engine?: string | null;
  readonly peakResidentBytes?: number | null;
  /** Default: whether fewer epochs were reported than were planned. */
  readonly interrupted?: boolean;
}

/**
 * Sums up the epochs of a run, from {@link history}, from `FitReport.epochs` or from an event file.
 *
 * Where an epoch was reported twice, as by a run that was resumed, the later report counts.
 *
 * @example
 * ```ts
 * const fit = await trainer.fit(train, { epochs: 10, evaluate: test });
 * const summary = summarise(fit.epochs, { name: 'infopro-man', interrupted: fit.interrupted });
 * ```
 */
export function summarise(reports: readonly EpochReport[], info: RunInfo): RunSummary {
  const ordered = [...new Map(reports.map((report) => [report.epoch, report])).values()].sort((a, b) => a.epoch - b.epoch);
  const epochs = ordered.map(epochNumbers);
  const last = ordered.at(-1);
  const seconds = ordered.reduce((sum, report) => sum + report.seconds, 0);
  const images = ordered.reduce((sum, report) => sum + report.imagesPerSecond * report.seconds, 0);
  return {
    name: info.name,
    label: info.label ?? info.name,
    blocks: last?.blocks.length ?? 0,
    plannedEpochs: last?.epochs ?? 0,
    epochs,
    final: finalNumbers(epochs),
    parameters: info.parameters ?? null,
    seed: info.seed ?? null,
    engine: info.engine ?? null,
    seconds,
    imagesPerSecond: seconds > 0 ? finite(images / seconds) : null,
    peakTensorBytes: most(ordered.map((report) => report.peakTensorBytes)),
    peakResidentBytes: info.peakResidentBytes ?? null,
    interrupted: info.interrupted ?? (last === undefined || last.epoch < last.epochs),
  };
}

function epochNumbers(report: EpochReport): EpochNumbers {
  const last = report.blocks.at(-1);
  return {
    epoch: report.epoch,
    trainLoss: finite(last?.loss),
    trainAccuracy: finite(last?.accuracy),
    testLoss: finite(report.evaluation?.loss),
    testAccuracy: finite(report.evaluation?.accuracy),
    testTop5Accuracy: finite(report.evaluation?.top5Accuracy),
    blockLosses: report.blocks.map(({ loss }) => finite(loss)),
    seconds: finite(report.seconds),
    imagesPerSecond: finite(report.imagesPerSecond),
    peakTensorBytes: finite(report.peakTensorBytes),
    learningRate: finite(report.learningRate),
  };
}

function finalNumbers(epochs: readonly EpochNumbers[]): FinalNumbers {
  const evaluated = epochs.flatMap(({ epoch, testAccuracy, testTop5Accuracy }) =>
    testAccuracy === null ? [] : [{ epoch, testAccuracy, testTop5Accuracy }],
  );
  const last = evaluated.at(-1);
  const best = evaluated.reduce<(typeof evaluated)[number] | undefined>(
    (found, one) => (found === undefined || one.testAccuracy > found.testAccuracy ? one : found),
    undefined,
  );
  return {
    testAccuracy: last?.testAccuracy ?? null,
    testError: last === undefined ? null : 1 - last.testAccuracy,
    testTop5Error: last?.testTop5Accuracy == null ? null : 1 - last.testTop5Accuracy,
    bestTestError: best === undefined ? null : 1 - best.testAccuracy,
    bestEpoch: best?.epoch ?? null,
    trainLoss: epochs.at(-1)?.trainLoss ?? null,
    trainAccuracy: epochs.at(-1)?.trainAccuracy ?? null,
  };
}

function finite(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && Number.isFinite(value) ? value : null;
}

function most(values: readonly number[]): number | null {
  return values.length === 0 ? null : finite(values.reduce((a, b) => Math.max(a, b)));
}
