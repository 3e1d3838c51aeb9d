/**
 * Takes the runs and figures of `man-reproduce table` and `figure` into docs/results, and writes docs/results.md from what is there, as
 * `man-reproduce report docs/results --paper --markdown docs/results.md` does.
 *
 * `npx tsx tools/results/results.ts <outputs>`; without a folder only the page is written anew.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { environment } from '../../apps/reproduce/src/environment.ts';
import { findRuns } from '../../apps/reproduce/src/find-runs.ts';
import type { RunResult } from '../../apps/reproduce/src/result.ts';
import { resultsPage } from '../../apps/reproduce/src/tables/results-page.ts';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const FOLDER = join(DOCS, 'results');
const PAGE = join(DOCS, 'results.md');

const folders = async (folder: string) =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

/** Summaries of finished runs; drawings of figures, and their data where that is small. */
async function take(outputs: string): Promise<void> {
  for (const study of await folders(outputs))
    for (const profile of await folders(join(outputs, study))) {
      const from = join(outputs, study, profile);
      for (const cell of await folders(from))
        for (const seed of await folders(join(from, cell))) await takeRun(join(from, cell, seed, 'summary.json'), join(cell, seed));
      for (const kind of ['svg', 'csv']) await takeFile(join(from, `figure.${kind}`), join(FOLDER, `${study}.${kind}`));
    }
}

/** Without the folder of the machine it was made on. A run that is there already, and was made again, goes to another folder. */
async function takeRun(file: string, name: string): Promise<void> {
  if (!existsSync(file)) return;
  const { folder, ...summary } = JSON.parse(await readFile(file, 'utf8')) as RunResult;
  if (summary.interrupted) return;
  const { 'load when it ended': load, ...machine } = summary.environment ?? environment({});
  const text = `${JSON.stringify({ ...summary, environment: machine }, null, 1)}\n`;
  const [first, again] = ['runs', 'runs-again'].map((kind) => join(FOLDER, kind, name, 'summary.json')) as [string, string];
  const isOther = existsSync(first) && JSON.parse(await readFile(first, 'utf8')).seconds !== summary.seconds;
  const place = isOther ? again : first;
  await mkdir(join(place, '..'), { recursive: true });
  await writeFile(place, text);
}

/** A page of documentation is no place for more. */
const LARGEST_BYTES = 500_000;

async function takeFile(from: string, to: string): Promise<void> {
  if (!existsSync(from) || (await stat(from)).size > LARGEST_BYTES) return;
  await writeFile(to, withoutPictures(await readFile(from, 'utf8')));
}

/** CIFAR-10 states no licence, so its pictures stay out of the repository: the first row of Figure 5 goes. */
function withoutPictures(svg: string): string {
  const row = /(<text [^>]*>)test picture(<\/text>)/;
  if (!row.test(svg)) return svg;
  const [first, ...rest] = svg.split('</svg>');
  const emptied = (first as string).replace(/<image [^>]*\by="56"[^>]*\/>/g, '').replace(row, '$1pictures left out$2');
  return [emptied, ...rest].join('</svg>');
}

/** The page that the committed runs make. */
export async function rendered(): Promise<string> {
  return resultsPage(await findRuns([FOLDER]), { folders: [FOLDER], title: 'Results', beside: DOCS }).markdown;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await mkdir(FOLDER, { recursive: true });
  if (process.argv[2] !== undefined) await take(process.argv[2]);
  await writeFile(PAGE, await rendered());
}
