import { type Column, formatBytes, formatDuration, type ReportTable, textTable } from '@man/track';
import { methodName } from './cell.ts';
import type { Entry, Part, Row } from './layout.ts';
import { bestError, budgetOf, changeOf, lastError, type Measured, readingOf, type Spread, spreadIn } from './measured.ts';

/** A table of texts, for a terminal, Markdown and HTML alike. */
export interface TextTable {
  readonly title: string;
  readonly columns: readonly string[];
  /** Null where there is nothing. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly caption: string;
}

type ByCell = ReadonlyMap<string, Measured>;

/** A part of a table as the paper lays it out: our number and the paper's side by side, each with what MAN changes. */
export function layoutTable(part: Part, byCell: ByCell): TextTable {
  return {
    title: part.title,
    columns: ['budget', ...part.heads, ...part.columns.flatMap((column) => [`${column}: ours`, 'paper'])],
    rows: part.rows.map((row) => [
      budgetOfRow(row, byCell),
      ...row.heads,
      ...row.entries.flatMap((entry) => (entry === null ? [null, null] : [oursText(entry, byCell), paperText(entry)])),
    ]),
    caption: 'In parentheses: what is added to the local loss changes the error by this. An empty place was not trained.',
  };
}

/** The budget of a row's cells; all of them where they differ. */
function budgetOfRow({ entries }: Row, byCell: ByCell): string {
  const budgets = entries.flatMap((entry) => {
    const measured = entry === null ? undefined : byCell.get(entry.cell.id);
    return measured === undefined ? [] : [budgetOf(measured)];
  });
  return [...new Set(budgets)].join('; ');
}

function oursText(entry: Entry, byCell: ByCell): string | null {
  const spread = spreadIn(byCell.get(entry.cell.id), readingOf(entry));
  if (spread === null) return null;
  const change = changeOf(entry, byCell);
  return `${spreadText(spread)}${change === null ? '' : ` (${signed(change)})`}`;
}

function paperText({ paper, paperChange }: Entry): string {
  return `${paper.toFixed(2)}${paperChange === null ? '' : ` (${signed(paperChange)})`}`;
}

/** `9.31 ± 0.12`. */
export function spreadText({ mean, deviation }: Spread): string {
  return deviation === null ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
}

/** `−4.97`. */
export const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** What each cell was measured with: best epoch, seeds, time and memory. */
export function cellTable(entries: readonly Entry[], byCell: ByCell): TextTable {
  const rows = entries.map((entry) => {
    const { cell } = entry;
    const measured = byCell.get(cell.id) as Measured;
    const texts = [spreadIn(measured, lastError), spreadIn(measured, bestError)];
    return [
      budgetOf(measured),
      `${cell.dataset}, ${cell.backbone}`,
      String(cell.blocks),
      methodName(cell),
      ...texts.map((spread) => (spread === null ? null : spreadText(spread))),
      entry.paper.toFixed(2),
      seedsText(measured),
      meanText(measured, ({ seconds }) => seconds, formatDuration),
      meanText(measured, ({ peakTensorBytes }) => peakTensorBytes, formatBytes),
      statusOf(measured),
    ];
  });
  return {
    title: 'Cells',
    columns: ['budget', 'network', 'blocks', 'method', 'last %', 'best %', 'paper %', 'seeds', 'time', 'memory', 'state'],
    rows,
    caption: 'Test error of the last and of the best epoch; time of training and most bytes of tensors alive at once, means over seeds.',
  };
}

function seedsText({ jobs, runs }: Measured): string {
  return `${runs.size} of ${jobs.length}`;
}

/** A mean over seeds; null where there is none. */
export function meanText(measured: Measured, read: Parameters<typeof spreadIn>[1], format: (value: number) => string): string | null {
  const spread = spreadIn(measured, read);
  return spread === null ? null : format(spread.mean);
}

function statusOf({ jobs, runs, begun, problem }: Measured): string {
  if (problem !== null) return `not run: ${problem}`;
  if (runs.size === jobs.length) return 'done';
  return begun > 0 ? `${begun} interrupted` : runs.size > 0 ? 'not complete' : 'not run';
}

/** A table as lines of text. */
export function asText({ columns, rows }: TextTable, format: 'text' | 'markdown'): string {
  const drawn = columns.map(
    (heading, i): Column<TextTable['rows'][number]> => ({
      heading,
      // Nothing, where textTable would put a dash: an empty place was not measured.
      value: (row) => row[i] ?? '',
      align: rows.every((row) => row[i] == null || /^[\d.,−+]/.test(row[i])) && !heading.startsWith('budget') ? 'right' : 'left',
    }),
  );
  return textTable(rows, drawn, { format });
}

/** A table as a page has it. */
export function asReport(table: TextTable): ReportTable {
  return { ...table, rows: table.rows.map((row) => row.map((cell) => cell ?? '')) };
}
