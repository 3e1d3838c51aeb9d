import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Composed } from '@man/config';
import { readSummary } from '@man/track';
import { resultDifferences } from './config-differences.ts';
import { noFolderNamed, otherRun } from './errors.ts';
import type { RunResult } from './result.ts';
import { type RunFolder, writeConfiguration } from './run-folder.ts';
import type { TrainConfig } from './schema/index.ts';

/** A run that is in a folder already. */
export interface PresentRun {
  readonly folder: string;
  /** Its result; null where it is not finished. */
  readonly result: RunResult | null;
}

/**
 * The run in `run.dir`; null where it has not begun.
 *
 * @throws MAN_REPRODUCE_OTHER_RUN where it has another configuration; MAN_REPRODUCE_OPTION without `run.dir`
 */
export async function presentRun({ config, toYaml }: Composed<TrainConfig>): Promise<PresentRun | null> {
  if (config.run.dir === null) throw noFolderNamed();
  const folder = resolve(config.run.dir);
  const text = await readFile(join(folder, 'config.yaml'), 'utf8').catch(() => null);
  if (text === null) {
    // What a run left that was killed while it wrote this file.
    for (const name of await readdir(folder).catch(() => [])) if (/^\.config\.yaml\..*\.tmp$/.test(name)) await rm(join(folder, name));
    return null;
  }
  const keys = resultDifferences([text, toYaml()]).map(({ key }) => key);
  if (keys.length > 0) throw otherRun(folder, keys);
  const file = join(folder, 'summary.json');
  const summary = existsSync(file) ? await readSummary(file) : null;
  return { folder, result: summary === null || summary.interrupted ? null : (summary as RunResult) };
}

/** What a run adds to as it goes, and what says that it is over. */
const FILES = ['events.jsonl', 'epochs.csv', 'steps.csv', 'tensorboard', 'mlflow.jsonl', 'profile.json', 'summary.json'];

/** Makes the folder of a run that ended before its first checkpoint as if it had not begun. */
export async function beginAgain(composed: Composed<TrainConfig>, folder: RunFolder): Promise<void> {
  for (const name of FILES) await rm(folder.file(name), { force: true, recursive: true });
  await writeConfiguration(folder, composed);
}
