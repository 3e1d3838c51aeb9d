import { formatBytes, formatCount, formatDuration } from './format.ts';
import type { EpochNumbers, RunSummary } from './run-summary.ts';
import type { Column } from './text-table.ts';
import { textTable } from './text-table.ts';

/** Runs that differ in nothing but their seed. */
export interface RunGroup {
  /** What charts call it. */
  readonly label: string;
  /** What tells it from the other groups, by key: `{ loss: 'dgl' }`. */
  readonly settings: Readonly<Record<string, string>>;
  readonly runs: readonly RunSummary[];
}

/** Mean and spread of some numbers. */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  /** Sample standard deviation (over count − 1); null for a single number. */
  readonly deviation: number | null;
}

/**
 * Mean and sample standard deviation; null where there are no numbers.
 *
 * @param values those that are null were not measured and are left out
 */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: known.length, mean, deviation: known.length < 2 ? null : Math.sqrt(squares / (known.length - 1)) };
}

/** `12.34 ± 0.56`; a single number alone. */
export function spreadText(spread: Spread | null, text: (value: number) => string): string | null {
  if (spread === null) return null;
  return spread.deviation === null ? text(spread.mean) : `${text(spread.mean)} ± ${text(spread.deviation)}`;
}

/** Error in percent after the last epoch, and the least of any epoch. */
export const lastError = ({ final }: RunSummary) => inPercent(final.testError);
export const bestError = ({ final }: RunSummary) => inPercent(final.bestTestError);

const inPercent = (share: number | null) => (share === null ? null : 100 * share);

/** A number of all runs of a group, epoch by epoch; epochs that not every run has are left out. */
export function curveOf({ runs }: RunGroup, value: (epoch: EpochNumbers) => number | null): { epoch: number; spread: Spread }[] {
  const first = runs[0]?.epochs ?? [];
  return first.flatMap(({ epoch }) => {
    const values = runs.map((run) => {
      const found = run.epochs.find((each) => each.epoch === epoch);
      return found === undefined ? null : value(found);
    });
    const spread = values.includes(null) ? null : spreadOf(values);
    return spread === null ? [] : [{ epoch, spread }];
  });
}

/** A column of the table of groups. */
export interface GroupColumn extends Column<RunGroup> {
  /** For columns in which the least value is to be marked. */
  readonly rank?: (group: RunGroup) => number | null;
}

/** What a table of groups shows; columns without any value are left out. */
export function groupColumns(groups: readonly RunGroup[]): readonly GroupColumn[] {
  const keys = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  const of = (value: (run: RunSummary) => number | null, text: (value: number) => string) => (group: RunGroup) =>
    spreadText(spreadOf(group.runs.map(value)), text);
  const mean = (value: (run: RunSummary) => number | null, text: (value: number) => string) => (group: RunGroup) => {
    const found = meanOf(value)(group);
    return found === null ? null : text(found);
  };
  const points = (value: number) => value.toFixed(2);
  const right = 'right' as const;
  const columns: GroupColumn[] = [
    ...keys.map((key) => ({ heading: key, value: ({ settings }: RunGroup) => settings[key] })),
    { heading: 'runs', value: ({ runs }) => runs.length, align: right },
    { heading: 'test error %, last epoch', value: of(lastError, points), align: right, rank: meanOf(lastError) },
    { heading: 'best epoch', value: of(bestError, points), align: right, rank: meanOf(bestError) },
    { heading: 'peak tensors', value: mean(({ peakTensorBytes }) => peakTensorBytes, formatBytes), align: right },
    { heading: 'images/s', value: mean(({ imagesPerSecond }) => imagesPerSecond, formatCount), align: right },
    { heading: 'training', value: mean(({ seconds }) => seconds, formatDuration), align: right },
  ];
  return columns.filter(({ value }) => groups.some((group, index) => (value(group, index) ?? null) !== null));
}

const meanOf = (value: (run: RunSummary) => number | null) => (group: RunGroup) => spreadOf(group.runs.map(value))?.mean ?? null;

/**
 * Groups of runs as a table, a row per group: mean ± sample standard deviation of test error at the last and the best epoch; means of peak
 * memory of tensors, speed and time.
 *
 * @example
 * ```ts
 * groupTable([{ label: 'DGL', settings: { loss: 'dgl' }, runs: summaries }], { format: 'markdown' });
 * ```
 */
export function groupTable(groups: readonly RunGroup[], options: { readonly format?: 'text' | 'markdown' } = {}): string {
  return textTable(groups, groupColumns(groups), options);
}
