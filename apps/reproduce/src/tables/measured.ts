import { loadTrainConfig } from '../configuration.ts';
import { knownSet } from '../known-sets.ts';
import type { RunResult } from '../result.ts';
import { epochSize } from '../rules.ts';
import { budgetText } from './cell.ts';
import { type Job, stateOf } from './job.ts';
import { type Entry, isPlainOf } from './layout.ts';

/** A cell with what was measured of it. */
export interface Measured {
  readonly jobs: readonly Job[];
  /** Finished runs, by seed. */
  readonly runs: ReadonlyMap<number, RunResult>;
  /** Runs that were stopped or killed on the way. */
  readonly begun: number;
  /** Why it has no result, or fewer than it could; null where nothing went wrong. */
  readonly problem: string | null;
}

/** Mean and sample standard deviation; no deviation of fewer than two values. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number | null;
  readonly count: number;
}

/** What is on disk of some jobs, by the id of their cells. @throws MAN_REPRODUCE_TABLE_CONFIGURATION */
export async function measure(jobs: readonly Job[], problems: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, Measured>> {
  const byCell = new Map<string, Measured>();
  for (const job of jobs) {
    const state = await stateOf(job);
    const before = byCell.get(job.cell.id);
    const runs = new Map(before?.runs);
    if (state.state === 'finished') runs.set(job.seed, state.result);
    byCell.set(job.cell.id, {
      jobs: [...(before?.jobs ?? []), job],
      runs,
      begun: (before?.begun ?? 0) + (state.state === 'begun' ? 1 : 0),
      problem: before?.problem ?? problems.get(job.folder) ?? null,
    });
  }
  return byCell;
}

export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length < 2 ? null : Math.sqrt(squares / (values.length - 1)), count: values.length };
}

/** Test error in percent, of the last epoch or the best. */
export type Reading = (result: RunResult) => number | null;
export const lastError: Reading = ({ final }) => percent(final.testError);
export const bestError: Reading = ({ final }) => percent(final.bestTestError);

/** What a column of a table reads from a run. */
export function readingOf({ metric }: Pick<Entry, 'metric'>): Reading {
  return metric === 'top5_error_percent' ? ({ final }) => percent(final.testTop5Error ?? null) : lastError;
}

const percent = (share: number | null) => (share === null ? null : 100 * share);

/** What a reading is over all seeds of a cell. */
export function spreadIn(measured: Measured | undefined, reading: Reading): Spread | null {
  return spreadOf([...(measured?.runs.values() ?? [])].map(reading).filter((value) => value !== null));
}

/** How far what was added to the local loss changes a number: the mean over the seeds that both were trained with. */
export function changeOf(entry: Pick<Entry, 'cell' | 'metric'>, byCell: ReadonlyMap<string, Measured>): number | null {
  const { cell } = entry;
  const reading = readingOf(entry);
  const plain = [...byCell.values()].find(({ jobs: [job] }) => job !== undefined && isPlainOf(job.cell, cell));
  if (cell.variant === 'plain' || plain === undefined) return null;
  const changes = [...(byCell.get(cell.id)?.runs ?? [])].flatMap(([seed, result]) => {
    const other = plain.runs.get(seed);
    const [with_, without] = [reading(result), other === undefined ? null : reading(other)];
    return with_ === null || without === null ? [] : [with_ - without];
  });
  return spreadOf(changes)?.mean ?? null;
}

/** What a cell is trained with, as it was or as it would be: `2,000 pictures × 3 epochs`. */
export function budgetOf({ jobs, runs }: Measured): string {
  const [first] = runs.values();
  const [job] = jobs;
  if (first !== undefined) return budgetText(first.trainPictures, first.plannedEpochs, first.dataset);
  if (job === undefined) return '';
  const { config } = loadTrainConfig(job.overrides);
  return budgetText(epochSize(config, knownSet(config.dataset).pictures), config.train.epochs, config.dataset.type);
}
