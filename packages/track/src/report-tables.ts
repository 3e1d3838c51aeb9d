import { formatCount, formatDuration, formatLoss } from './format.ts';
import { escapeHtml } from './html.ts';
import type { Report, ReportTable } from './report.ts';
import type { RunSummary } from './run-summary.ts';

/** A column of the table of results; left out where no run has a value. */
interface ResultColumn {
  readonly heading: string;
  readonly unit?: string;
  readonly cell: (run: RunSummary) => string | null;
  /** Whether it may be left out where it is the same for all runs. */
  readonly sharable?: boolean;
  /** For columns in which the least or greatest value is to be marked. */
  readonly rank?: (run: RunSummary) => number | null;
}

/** The table of results: a row per run. */
export function resultsTable(report: Report): string {
  const { runs } = report;
  if (runs.length === 0) return '<p class="soft">There are no runs to report.</p>';
  const known = measuredColumns(report).filter(({ cell }) => runs.some((run) => cell(run) !== null));
  // What is the same for all methods is said once, below.
  const shared = known.filter(
    (column) => column.sharable === true && runs.length > 1 && runs.every((run) => column.cell(run) === column.cell(runs[0]!)),
  );
  const columns = known.filter((column) => !shared.includes(column));
  const best = columns.map(({ rank }) => bestOf(runs, rank));
  const head = columns.map(({ heading, unit }) => `<th scope="col" class="number">${escapeHtml(heading)}${unitSpan(unit)}</th>`);
  const rows = runs.map((run) => {
    const cells = columns.map(({ cell }, index) => {
      const classes = best[index]?.has(run) ? 'number best' : 'number';
      return `<td class="${classes}">${escapeHtml(cell(run) ?? '–')}</td>`;
    });
    const interrupted = run.interrupted ? ' <span class="state">interrupted</span>' : '';
    return `<tr><th scope="row">${escapeHtml(run.label)}${interrupted}</th>${cells.join('')}</tr>`;
  });
  const compared = runs.find(({ name }) => name === report.baseline);
  const captions = [
    'Test error and losses of the last epoch. “Best” is the least error of any epoch, chosen on test data.',
    ...(runs.length > 1 ? ['Bold: lowest error and least memory.'] : []),
    ...shared.map(({ heading, cell }) => `${heading}: ${cell(runs[0]!)} in all runs.`),
    ...(compared === undefined ? [] : [`Memory in parentheses: relative to ${compared.label}.`]),
  ];
  return scrolling(
    `<table>\n<thead><tr><th scope="col">Method</th>${head.join('')}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n` +
      `<caption>${escapeHtml(captions.join(' '))}</caption>\n</table>`,
    'Results',
  );
}

/** A table of the caller's own. */
export function extraTable({ columns, rows, caption, title }: ReportTable): string {
  const numeric = columns.map((_, index) => rows.every((row) => typeof row[index] === 'number' || (row[index] ?? null) === null));
  const cell = (tag: string, index: number, text: string) =>
    `<${tag}${numeric[index] ? ' class="number"' : ''}>${escapeHtml(text)}</${tag.split(' ')[0]}>`;
  const head = columns.map((heading, index) => cell('th scope="col"', index, heading));
  const body = rows.map((row) => `<tr>${columns.map((_, index) => cell('td', index, String(row[index] ?? '–'))).join('')}</tr>`);
  const below = caption === undefined ? '' : `<caption>${escapeHtml(caption)}</caption>\n`;
  return scrolling(`<table>\n<thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n${below}</table>`, title);
}

/** Names and values, one pair a row. */
export function factsTable(facts: Readonly<Record<string, string | number | boolean | null>>): string {
  const rows = Object.entries(facts).map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(String(value ?? '–'))}</td></tr>`,
  );
  return rows.length === 0 ? '' : `<table class="facts">\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>`;
}

/** The unit in which the greatest of some byte counts reads well. */
export function byteUnit(values: readonly (number | null)[]): {
  readonly unit: string;
  readonly text: (bytes: number) => string;
  readonly bytes: number;
} {
  const most = values.reduce((a: number, value) => Math.max(a, value ?? 0), 0);
  const [unit, bytes] = most >= 1e10 ? ['GB', 1e9] : most >= 1e5 ? ['MB', 1e6] : ['kB', 1e3];
  const digits = most / bytes >= 100 ? 0 : most / bytes >= 10 ? 1 : 2;
  return { unit, bytes, text: (value) => group((value / bytes).toFixed(digits)) };
}

function measuredColumns(report: Report): ResultColumn[] {
  const { runs, baseline } = report;
  const tensors = byteUnit(runs.map((run) => run.peakTensorBytes));
  const resident = byteUnit(runs.map((run) => run.peakResidentBytes));
  const reference = runs.find(({ name }) => name === baseline)?.peakTensorBytes ?? null;
  return [
    { heading: 'Blocks', cell: (run) => (run.blocks > 0 ? String(run.blocks) : null) },
    {
      heading: 'Epochs',
      cell: (run) =>
        run.interrupted && run.plannedEpochs > 0 ? `${run.epochs.length} of ${run.plannedEpochs}` : String(run.epochs.length),
    },
    { heading: 'Test error', unit: '%', cell: (run) => percent(run.final.testError), rank: (run) => run.final.testError },
    {
      heading: 'Best test error',
      unit: '% (epoch)',
      cell: ({ final }) => (final.bestTestError === null ? null : `${percent(final.bestTestError)} (${final.bestEpoch})`),
    },
    ...extraColumns(report),
    { heading: 'Training loss', cell: ({ final }) => (final.trainLoss === null ? null : formatLoss(final.trainLoss)) },
    {
      heading: 'Peak tensor memory',
      unit: tensors.unit,
      cell: (run) =>
        run.peakTensorBytes === null
          ? null
          : tensors.text(run.peakTensorBytes) + relative(run.peakTensorBytes, reference, run.name === baseline),
      rank: (run) => run.peakTensorBytes,
    },
    {
      heading: 'Peak resident memory',
      unit: resident.unit,
      cell: (run) => (run.peakResidentBytes === null ? null : resident.text(run.peakResidentBytes)),
    },
    { heading: 'Speed', unit: 'images/s', cell: (run) => (run.imagesPerSecond === null ? null : formatCount(run.imagesPerSecond)) },
    { heading: 'Training time', cell: (run) => (run.seconds > 0 ? formatDuration(run.seconds) : null) },
    { heading: 'Parameters', sharable: true, cell: (run) => (run.parameters === null ? null : formatCount(run.parameters)) },
    { heading: 'Seed', sharable: true, cell: (run) => (run.seed === null ? null : String(run.seed)) },
  ];
}

function extraColumns({ columns = [] }: Report): ResultColumn[] {
  return columns.map(({ heading, unit, values }) => ({
    heading,
    ...(unit === undefined ? {} : { unit }),
    cell: ({ name }) => {
      const value = Object.hasOwn(values, name) ? values[name] : null;
      return value === null || value === undefined ? null : String(value);
    },
  }));
}

/** Runs with the least value, unless all share it. */
function bestOf(runs: readonly RunSummary[], rank: ResultColumn['rank']): ReadonlySet<RunSummary> {
  const values = runs.map((run) => rank?.(run) ?? null).filter((value) => value !== null);
  const least = Math.min(...values);
  if (rank === undefined || values.every((value) => value === least)) return new Set();
  return new Set(runs.filter((run) => rank(run) === least));
}

function relative(bytes: number, reference: number | null, isReference: boolean): string {
  if (reference === null || reference <= 0 || isReference) return '';
  const change = Math.round(100 * (bytes / reference - 1));
  return ` (${change > 0 ? '+' : change < 0 ? '−' : '±'}${Math.abs(change)} %)`;
}

function percent(share: number | null): string | null {
  return share === null ? null : (100 * share).toFixed(2);
}

function group(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
}

function unitSpan(unit: string | undefined): string {
  return unit === undefined ? '' : ` <span class="unit">${escapeHtml(unit)}</span>`;
}

/** A wide table scrolls in its own box, which the keyboard can reach, not with the page. */
export function scrolling(table: string, label: string): string {
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}">\n${table}\n</div>`;
}
