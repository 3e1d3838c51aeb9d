import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  atomicWrite,
  groupTable,
  type ReportTable,
  type RunGroup,
  type RunSummary,
  readSummary,
  type SweepReport,
  textTable,
  writeSweepReport,
} from '@man/track';
import { dateText, environment } from './environment.ts';
import { quoted } from './find-runs.ts';
import { durationOf } from './sweep-progress.ts';
import type { SweepRecord, SweepRun } from './sweep-record.ts';
import { fact } from './terminal.ts';

/** A run of a sweep with its result; null where it has none. */
export interface FinishedRun extends SweepRun {
  readonly summary: RunSummary | null;
}

/** The runs with their results, as far as they are there. */
export async function readResults(folder: string, { runs }: SweepRecord): Promise<readonly FinishedRun[]> {
  return Promise.all(runs.map(async (run) => ({ ...run, summary: await readResult(join(folder, run.name)) })));
}

/** The result of the run in a folder; null where there is none yet. */
export async function readResult(folder: string): Promise<RunSummary | null> {
  const file = join(folder, 'summary.json');
  return existsSync(file) ? readSummary(file) : null;
}

/**
 * Runs that have ended well, those together that differ in nothing but `seed`, in the order of the sweep.
 */
export function groupsOf(runs: readonly FinishedRun[]): readonly RunGroup[] {
  const groups = new Map<string, RunGroup>();
  for (const { varied, summary, state } of runs) {
    if (summary === null || state !== 'done') continue;
    const pairs = varied.map(pairOf).filter(([key]) => key !== 'seed');
    const id = JSON.stringify(pairs);
    const label = pairs.map((pair) => pair.join('=')).join(' ') || summary.label;
    const { runs: others } = groups.get(id) ?? { runs: [] };
    groups.set(id, { label, settings: Object.fromEntries(pairs), runs: [...others, summary] });
  }
  return [...groups.values()];
}

/** `['loss', 'dgl']` of `+loss=dgl`. */
function pairOf(text: string): readonly [key: string, value: string] {
  const equals = text.indexOf('=');
  return [text.slice(0, equals).replace(/^\++/, '').trim(), text.slice(equals + 1).trim()];
}

const percent = (share: number | null | undefined) => (share === null || share === undefined ? null : Number((100 * share).toFixed(2)));

function runsTable(runs: readonly FinishedRun[]): ReportTable {
  return {
    title: 'Runs',
    columns: ['Run', 'What varies', 'State', 'Test error %', 'Best %', 'Best epoch', 'Took'],
    rows: runs.map(({ name, varied, state, problem, summary, ...times }) => [
      name,
      varied.join(' '),
      problem === null ? state : `${state}: ${problem}`,
      percent(summary?.final.testError),
      percent(summary?.final.bestTestError),
      summary?.final.bestEpoch ?? null,
      durationOf({ name, varied, state, problem, ...times }),
    ]),
    caption:
      'Each has a folder of its number beside this page, with its configuration, events and weights; what it printed is in <number>.log.',
  };
}

function reportOf(record: SweepRecord, runs: readonly FinishedRun[], groups: readonly RunGroup[]): SweepReport {
  const done = runs.filter(({ state }) => state === 'done').length;
  const keys = [...new Set(runs.flatMap(({ varied }) => varied.map((text) => pairOf(text)[0])))];
  return {
    title: keys.length === 0 ? 'Sweep' : `Sweep over ${keys.join(', ')}`,
    summary: `${done} of ${runs.length} runs ended well${done === runs.length ? '' : '; the others are not part of the means'}.`,
    groups,
    tables: [runsTable(runs)],
    environment: environment({
      command: ['man-reproduce train -m', ...record.typed.map(quoted)].join(' '),
      engine: runs.find(({ summary }) => summary !== null)?.summary?.engine ?? 'unknown',
      launcher: record.launcher,
      started: record.started,
    }),
    date: dateText(),
  };
}

/**
 * Writes `report.html` and `report.md` into the folder of a sweep.
 *
 * @returns the table, as text for a terminal
 */
export async function reportSweep(folder: string, record: SweepRecord): Promise<string> {
  const runs = await readResults(folder, record);
  const groups = groupsOf(runs);
  const report = reportOf(record, runs, groups);
  const page = join(folder, 'report.html');
  await writeSweepReport(page, report);
  await atomicWrite(join(folder, 'report.md'), markdownOf(report));
  fact('page', pathToFileURL(page).href);
  return groups.length === 0 ? 'No run has ended well.' : groupTable(groups);
}

function markdownOf({ title, summary, groups, tables = [] }: SweepReport): string {
  const format = 'markdown' as const;
  const inner = tables.flatMap(({ title: heading, columns, rows }) => {
    const cells = columns.map((column, i) => ({ heading: column, value: (row: (typeof rows)[number]) => row[i] }));
    return [`## ${heading}`, textTable(rows, cells, { format })];
  });
  return `${[`# ${title}`, String(summary), groupTable(groups, { format }), NOTE, ...inner].join('\n\n')}\n`;
}

const NOTE =
  'Mean ± sample standard deviation over the runs of a row, which differ in nothing but their seed. The best epoch is chosen on test data.';
