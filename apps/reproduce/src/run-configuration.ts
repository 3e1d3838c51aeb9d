import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Composed, parseOverride } from '@man/config';
import { type ConfigName, loadTrainConfig } from './configuration.ts';
import { noRunFolder, otherConfiguration } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';

/** What a run was started with. */
export interface RunConfiguration {
  readonly composed: Composed<TrainConfig>;
  /** The first file it was composed from. */
  readonly configName: ConfigName;
}

/**
 * The configuration a run was started with, composed anew from what was typed.
 *
 * @throws MAN_REPRODUCE_NOT_A_RUN; MAN_REPRODUCE_CONFIGURATION where it is not what it was, since files in `conf/` have changed
 */
export async function configurationOf(folder: string): Promise<RunConfiguration> {
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((cause: unknown) => {
      throw noRunFolder(folder, name, cause);
    });
  const [text, typed] = await Promise.all([read('config.yaml'), read('overrides.txt')]);
  const overrides = typed.split('\n').filter((line) => line !== '');
  for (const configName of ['config', 'compare'] as const) {
    const composed = attempt(() => loadTrainConfig(overrides, configName));
    if (composed?.toYaml() === text) return { composed, configName };
  }
  throw otherConfiguration(folder);
}

/**
 * What to type to start with the configuration of a run, in a folder of its own: for `--from`.
 *
 * @throws MAN_REPRODUCE_NOT_A_RUN, MAN_REPRODUCE_CONFIGURATION
 */
export async function wordsFrom(folder: string): Promise<{ readonly words: readonly string[]; readonly configName: ConfigName }> {
  const { composed, configName } = await configurationOf(folder);
  return { words: composed.overrides.filter((word) => !PLACES.includes(parseOverride(word).key)), configName };
}

/** Where a run is, which is no part of what it is. */
const PLACES: readonly string[] = ['run.dir', 'run.root'];

function attempt<T>(f: () => T): T | null {
  try {
    return f();
  } catch {
    return null;
  }
}
