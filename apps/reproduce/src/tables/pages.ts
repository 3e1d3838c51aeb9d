import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { atomicWrite, formatDuration, writeReport } from '@man/track';
import { dateText, environment } from '../environment.ts';
import { PAPER } from '../paper.ts';
import { shown } from '../run-folder.ts';
import { asReport, asText, type TextTable } from './render.ts';

/** What is printed and written of a table of the paper. */
export interface Pages {
  /** Absolute. */
  readonly folder: string;
  readonly title: string;
  /** How it was made, a sentence each. */
  readonly about: readonly string[];
  readonly tables: readonly TextTable[];
  readonly notes: readonly string[];
  /** What calculated. */
  readonly engine: string;
  /** As JSON. */
  readonly data: object;
}

/** Writes `table.md`, `table.html` and `table.json`. */
export async function writePages({ folder, title, about, tables, notes, engine, data }: Pages): Promise<void> {
  const summary = [...about, `Paper: ${PAPER.source}.`];
  const sections = tables.flatMap((table) => [
    ...(table.title === '' ? [] : [`## ${table.title}`]),
    asText(table, 'markdown'),
    ...(table.caption === '' ? [] : [table.caption]),
  ]);
  const list = notes.map((note) => `- ${note}`).join('\n');
  await atomicWrite(join(folder, 'table.md'), `${[`# ${title}`, ...summary, ...sections, list].join('\n\n')}\n`);
  await atomicWrite(join(folder, 'table.json'), `${JSON.stringify(data, null, 2)}\n`);
  await writeReport(join(folder, 'table.html'), {
    title,
    summary,
    runs: [],
    tables: tables.map((table) => ({ ...asReport(table), title: table.title === '' ? 'Results' : table.title })),
    notes,
    environment: environment({ engine }),
    date: dateText(),
  });
}

/** The same for a terminal, and where the files are. */
export function pagesText({ folder, title, about, tables, notes }: Omit<Pages, 'engine' | 'data'>, seconds: number): string {
  return [
    '',
    title,
    ...tables.flatMap((table) => ['', ...(table.title === '' ? [] : [table.title]), asText(table, 'text')]),
    '',
    ...about,
    ...notes,
    `Took ${formatDuration(seconds)}. All rows, as Markdown, data and page:`,
    shown(join(folder, 'table.md')),
    shown(join(folder, 'table.json')),
    pathToFileURL(join(folder, 'table.html')).href,
  ].join('\n');
}
