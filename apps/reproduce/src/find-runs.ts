import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { EpochReport } from '@man/core';
import { type EventHeader, type RunInfo, type RunSummary, readEvents, readSummary, summarise } from '@man/track';
import { noRuns } from './errors.ts';
import { configurationOf } from './run-configuration.ts';
import { shown } from './run-folder.ts';

/** A run on disk, finished or not. */
export interface FoundRun {
  readonly folder: string;
  /** The folder as people would type it. */
  readonly shown: string;
  readonly summary: RunSummary;
  /** The text of its `config.yaml`. */
  readonly configuration: string | null;
  /** What repeats it. */
  readonly command: string;
}

/** Deeper than `outputs/<date>/<time>/<method>/`. */
const DEPTH = 4;

/**
 * The runs in some folders: those that hold `events.jsonl` or `summary.json`, in the order of their paths. Names are made unique by the folder.
 *
 * @throws MAN_REPRODUCE_NO_RUNS
 */
export async function findRuns(folders: readonly string[]): Promise<readonly FoundRun[]> {
  const found = [...new Set(folders.flatMap((folder) => runFolders(resolve(folder), DEPTH)))];
  if (found.length === 0) throw noRuns(folders);
  const runs = await Promise.all(found.map(readRun));
  const labels = runs.map(({ summary }) => summary.label);
  return runs.map((run, i) => {
    const { summary } = run;
    const isUnique = labels.indexOf(summary.label) === labels.lastIndexOf(summary.label);
    const label = isUnique ? summary.label : `${summary.label} [${shortName(found, i)}]`;
    const name = runs.filter((other) => other.summary.name === summary.name).length === 1 ? summary.name : run.shown;
    return { ...run, summary: { ...summary, label, name } };
  });
}

function runFolders(folder: string, depth: number): string[] {
  if (existsSync(join(folder, 'events.jsonl')) || existsSync(join(folder, 'summary.json'))) return [folder];
  if (depth === 0 || !(statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => runFolders(join(folder, name), depth - 1));
}

/** As much of the end of a path as tells it from the others. */
function shortName(folders: readonly string[], index: number): string {
  const parts = (folders[index] as string).split('/');
  for (let count = 1; count < parts.length; count++) {
    const tail = parts.slice(-count).join('/');
    if (folders.filter((folder) => folder === tail || folder.endsWith(`/${tail}`)).length === 1) return tail;
  }
  return folders[index] as string;
}

async function readRun(folder: string): Promise<FoundRun> {
  const text = (name: string) => readFile(join(folder, name), 'utf8').catch(() => null);
  const [configuration, typed] = await Promise.all([text('config.yaml'), text('overrides.txt')]);
  const overrides = typed?.split('\n').filter((line) => line.trim() !== '') ?? [];
  const summary = existsSync(join(folder, 'summary.json'))
    ? await readSummary(join(folder, 'summary.json'))
    : await unfinished(join(folder, 'events.jsonl'), basename(folder));
  const first = await configurationOf(folder).catch(() => null);
  const name = first === null || first.configName === 'config' ? [] : [`--config-name ${first.configName}`];
  const words = overrides.filter((word) => !/^run\.(dir|root)=/.test(word)).map(quoted);
  const command = ['man-reproduce train', ...name, ...words].join(' ');
  return { folder, shown: shown(folder), summary, configuration, command };
}

/** A run that was killed, or is running, from its events. */
async function unfinished(file: string, name: string): Promise<RunSummary> {
  let epochs: EpochReport[] = [];
  let info: RunInfo = { name };
  for await (const event of readEvents(file)) {
    if (event.type === 'start') {
      epochs = epochs.filter(({ epoch }) => epoch <= (event.epoch ?? 0));
      info = { name, seed: event.seed, engine: engineOf(event.header) };
    } else if (event.type === 'epoch') epochs.push(event);
  }
  return summarise(epochs, info);
}

function engineOf({ engine }: EventHeader): string | null {
  return typeof engine === 'string' ? engine : null;
}

/** A word as a shell needs it. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./=,:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
