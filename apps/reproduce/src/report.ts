import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { atomicWrite, formatBytes, formatCount, formatDuration, type Report, type ReportTable, textTable, writeReport } from '@man/track';
import { differences } from './config-differences.ts';
import { dateText, VERSION } from './environment.ts';
import { type FoundRun, findRuns } from './find-runs.ts';
import { asReport } from './tables/render.ts';
import { resultsPage } from './tables/results-page.ts';
import { fact } from './terminal.ts';

/** Options of `man-reproduce report`. */
export interface ReportOptions {
  readonly out: string;
  readonly markdown: string | null;
  readonly title: string | null;
  /** Whether the page is about cells of the paper, beside its numbers. */
  readonly paper: boolean;
}

/**
 * `man-reproduce report`: one page and one Markdown table about the runs in some folders, finished or not: results, curves, what their
 * configurations differ in, and the commands that repeat them.
 *
 * @returns the exit code
 */
export async function report(folders: readonly string[], options: ReportOptions): Promise<number> {
  const runs = await findRuns(folders);
  const { page, text } = options.paper ? besidePaper(runs, folders, options) : ofRuns(runs, options.title);
  await writeReport(options.out, page);
  if (options.markdown !== null) await atomicWrite(options.markdown, text);
  process.stdout.write(text);
  fact('page', pathToFileURL(options.out).href);
  return 0;
}

interface Written {
  readonly page: Report;
  /** As Markdown. */
  readonly text: string;
}

const ofRuns = (runs: readonly FoundRun[], title: string | null): Written => ({
  page: reportOf(runs, title),
  text: markdownOf(runs, title),
});

function besidePaper(runs: readonly FoundRun[], folders: readonly string[], { title: typed, markdown }: ReportOptions): Written {
  const title = typed ?? 'Results';
  const { tables, findings, markdown: text } = resultsPage(runs, { folders, title, beside: dirname(resolve(markdown ?? 'results.md')) });
  const environment = { 'man-reproduce': VERSION };
  return { text, page: { title, runs: [], tables: tables.map(asReport), notes: findings, environment, date: dateText() } };
}

function titleOf(runs: readonly FoundRun[], title: string | null): string {
  return title ?? (runs.length === 1 ? `A run: ${runs[0]?.summary.label}` : `${runs.length} runs`);
}

function reportOf(runs: readonly FoundRun[], title: string | null): Report {
  return {
    title: titleOf(runs, title),
    runs: runs.map(({ summary }) => summary),
    ...(runs.some(({ summary }) => summary.name === 'e2e') ? { baseline: 'e2e' } : {}),
    tables: [...differencesTable(runs), commandsTable(runs)],
    ...(runs.length === 1 && runs[0]?.configuration != null ? { configuration: runs[0].configuration } : {}),
    environment: { 'man-reproduce': VERSION },
    date: dateText(),
  };
}

/** What the configurations differ in; nothing for one run. */
function differencesTable(runs: readonly FoundRun[]): ReportTable[] {
  if (runs.length < 2) return [];
  const rows = differences(runs.map(({ configuration }) => configuration));
  return [
    {
      title: 'Configuration: what differs',
      columns: ['Key', ...runs.map(({ summary }) => summary.label)],
      rows: rows.map(({ key, values }) => [key, ...values]),
      caption: rows.length === 0 ? 'Nothing: all values are the same.' : 'All other values are the same.',
    },
  ];
}

function commandsTable(runs: readonly FoundRun[]): ReportTable {
  return {
    title: 'Commands that repeat them',
    columns: ['Run', 'Folder', 'Command'],
    rows: runs.map(({ summary, shown, command }) => [summary.label, shown, command]),
  };
}

const percent = (share: number | null) => (share === null ? null : (100 * share).toFixed(2));

function markdownOf(runs: readonly FoundRun[], title: string | null): string {
  const right = 'right' as const;
  const results = textTable(
    runs.map(({ summary }) => summary),
    [
      { heading: 'run', value: ({ label, interrupted }) => `${label}${interrupted ? ' (unfinished)' : ''}` },
      { heading: 'blocks', value: ({ blocks }) => blocks, align: right },
      { heading: 'epochs', value: ({ epochs }) => epochs.at(-1)?.epoch ?? 0, align: right },
      { heading: 'test error %', value: ({ final }) => percent(final.testError), align: right },
      { heading: 'best %', value: ({ final }) => percent(final.bestTestError), align: right },
      {
        heading: 'peak tensors',
        value: ({ peakTensorBytes }) => (peakTensorBytes === null ? null : formatBytes(peakTensorBytes)),
        align: right,
      },
      {
        heading: 'images/s',
        value: ({ imagesPerSecond }) => (imagesPerSecond === null ? null : formatCount(imagesPerSecond)),
        align: right,
      },
      { heading: 'training', value: ({ seconds }) => formatDuration(seconds), align: right },
    ],
    { format: 'markdown' },
  );
  const tables = [...differencesTable(runs), commandsTable(runs)].map(({ title: heading, columns, rows, caption }) => {
    const cells = columns.map((column, i) => ({ heading: column, value: (row: (typeof rows)[number]) => row[i] }));
    return [`## ${heading}`, rows.length === 0 ? (caption ?? '') : textTable(rows, cells, { format: 'markdown' })];
  });
  return `${[`# ${titleOf(runs, title)}`, results, ...tables.flat()].join('\n\n')}\n`;
}
