import { atomicWrite } from './atomic-write.ts';
import { escapeHtml } from './html.ts';
import { lossCharts, memoryChart, speedChart, trainingCharts } from './report-charts.ts';
import { STYLE } from './report-style.ts';
import { extraTable, factsTable, resultsTable } from './report-tables.ts';
import type { RunSummary } from './run-summary.ts';

/** A column that {@link Report.columns} adds to the table of results, e.g. the number a paper gives. */
export interface ReportColumn {
  readonly heading: string;
  readonly unit?: string;
  /** By name of the run; runs that are missing get `–`. */
  readonly values: Readonly<Record<string, string | number | null>>;
}

/** A further table of a report. */
export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  readonly caption?: string;
}

/** What a report shows: plain data, nothing is HTML. */
export interface Report {
  readonly title: string;
  /** One sentence or several, each a paragraph: what was found. */
  readonly summary?: string | readonly string[];
  /** One row and one line per run, in this order. */
  readonly runs: readonly RunSummary[];
  /** Name of the run that memory of the others is compared with. */
  readonly baseline?: string;
  readonly columns?: readonly ReportColumn[];
  readonly tables?: readonly ReportTable[];
  /** YAML or any text as it is; data as indented JSON. */
  readonly configuration?: string | Readonly<Record<string, unknown>>;
  /** Engine, versions, cores, seed, command, …, by what they are called. */
  readonly environment?: Readonly<Record<string, string | number | boolean | null>>;
  readonly notes?: readonly string[];
  /** When it was made, as it should be printed. */
  readonly date?: string;
}

/**
 * One page of HTML that needs nothing else: no script, no external file, charts as inlined SVG, light or dark as the reader prefers,
 * fit to print. All texts are escaped. The same report gives the same page.
 *
 * @throws MAN_TRACK_CHART_FAILED
 * @example
 * ```ts
 * const page = await renderReport({ title: 'CIFAR-10', summary: 'MAN halves the gap.', runs: [log.summary()] });
 * ```
 */
export async function renderReport(report: Report): Promise<string> {
  const [training, losses, memory, speed] = await Promise.all([
    trainingCharts(report.runs),
    lossCharts(report.runs),
    memoryChart(report.runs),
    speedChart(report.runs),
  ]);
  // A page of tables alone need not say that there are no runs.
  const isOfTables = report.runs.length === 0 && (report.tables ?? []).length > 0;
  return reportPage(report, [
    section('Results', isOfTables ? '' : resultsTable(report)),
    section('Training', grid('charts', training)),
    section('Memory and speed', grid('charts', [...memory, ...speed])),
    section('Local losses', losses.length === 0 ? '' : `<p class="soft">${LOSSES_NOTE}</p>\n${grid('charts small', losses)}`),
  ]);
}

/** A page with what any report says around `sections`: title and summary in front; tables, notes, environment, configuration behind. */
export function reportPage(report: Omit<Report, 'runs' | 'baseline' | 'columns'>, sections: readonly string[]): string {
  const summary = typeof report.summary === 'string' ? [report.summary] : (report.summary ?? []);
  const body = [
    '<header>',
    `<h1>${escapeHtml(report.title)}</h1>`,
    ...summary.map((text) => `<p class="summary">${escapeHtml(text)}</p>`),
    ...(report.date === undefined ? [] : [`<p class="soft">${escapeHtml(report.date)}</p>`]),
    '</header>',
    '<main>',
    ...sections,
    ...(report.tables ?? []).map((table) => section(table.title, extraTable(table))),
    section('Notes', (report.notes ?? []).map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')),
    '<div class="columns">',
    section('Environment', factsTable(report.environment ?? {})),
    section('Configuration', configurationBlock(report.configuration)),
    '</div>',
    '</main>',
  ];
  return page(report.title, body.filter((part) => part !== '').join('\n'));
}

/**
 * Writes the page of {@link renderReport}, atomically.
 *
 * @throws MAN_TRACK_CHART_FAILED, MAN_TRACK_WRITE_FAILED
 */
export async function writeReport(file: string, report: Report): Promise<void> {
  await atomicWrite(file, await renderReport(report));
}

const LOSSES_NOTE = 'Mean loss of each block in the last epoch; the last block’s is that of the classifier. Each chart has its own scale.';

/** A section with a heading; nothing where it has no content. */
export function section(title: string, content: string): string {
  return content === '' ? '' : `<section>\n<h2>${escapeHtml(title)}</h2>\n${content}\n</section>`;
}

/** Figures side by side. */
export function grid(classes: string, figures: readonly string[]): string {
  return figures.length === 0 ? '' : `<div class="${classes}">\n${figures.join('\n')}\n</div>`;
}

/** A configuration as it is. */
function configurationBlock(configuration: Report['configuration']): string {
  if (configuration === undefined) return '';
  const text = typeof configuration === 'string' ? configuration.trimEnd() : JSON.stringify(configuration, null, 2);
  return `<pre tabindex="0" aria-label="Configuration">${escapeHtml(text)}</pre>`;
}

/** The policy forbids what a report never has, should hostile text ever find a way past the escaping. */
function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
