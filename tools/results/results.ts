/**
 * Takes the runs of `man-reproduce table` into docs/results/runs, and writes docs/results.md from what is there.
 *
 * `npx tsx tools/results/results.ts <outputs>`; without a folder only the page is written anew.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { page, type Run, type RunSummaryFile } from './page.ts';

export const FOLDER = fileURLToPath(new URL('../../docs/results/', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/results.md', import.meta.url));
const PAPER = fileURLToPath(new URL('../../apps/reproduce/paper/tables.json', import.meta.url));

const folders = async (folder: string) =>
  existsSync(folder)
    ? (await readdir(folder, { withFileTypes: true }))
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];
const json = async (file: string) => JSON.parse(await readFile(file, 'utf8'));

/** Summaries of finished runs, without the folder of the machine they were made on; drawings of figures. */
async function take(outputs: string): Promise<void> {
  for (const study of await folders(outputs))
    for (const profile of await folders(join(outputs, study))) {
      const from = join(outputs, study, profile);
      for (const cell of await folders(from))
        for (const seed of await folders(join(from, cell))) {
          const file = join(from, cell, seed, 'summary.json');
          if (existsSync(file)) await takeRun(file, cell, seed);
        }
      if (existsSync(join(from, 'figure.svg'))) await copyFile(join(from, 'figure.svg'), join(FOLDER, `${study}.svg`));
    }
}

async function takeRun(file: string, cell: string, seed: string): Promise<void> {
  const { folder, ...summary } = (await json(file)) as RunSummaryFile & { readonly folder: string };
  if (summary.interrupted || summary.epochs.length < summary.plannedEpochs) return;
  await mkdir(join(FOLDER, 'runs', cell), { recursive: true });
  await writeFile(join(FOLDER, 'runs', cell, `${seed}.json`), `${JSON.stringify(summary, null, 1)}\n`);
}

async function runs(): Promise<Run[]> {
  const found: Run[] = [];
  for (const cell of await folders(join(FOLDER, 'runs')))
    for (const file of (await readdir(join(FOLDER, 'runs', cell))).sort())
      found.push({ cell, summary: await json(join(FOLDER, 'runs', cell, file)) });
  return found;
}

/** The page that the committed runs make. */
export async function rendered(): Promise<string> {
  const figures = (await readdir(FOLDER)).filter((name) => name.endsWith('.svg')).sort();
  return page(await runs(), (await json(PAPER)).rows, figures);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await mkdir(FOLDER, { recursive: true });
  if (process.argv[2] !== undefined) await take(process.argv[2]);
  await writeFile(PAGE, await rendered());
}
