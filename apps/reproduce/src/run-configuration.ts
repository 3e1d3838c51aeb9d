import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Composed, parseOverride } from '@man/config';
import { type ConfigName, loadRecordedConfig, loadTrainConfig } from './configuration.ts';
import { noRunFolder, otherConfiguration } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';

/** What a run was started with. */
export interface RunConfiguration {
  readonly composed: Composed<TrainConfig>;
  /** The first file it was composed from. */
  readonly configName: ConfigName;
  /** Whether `conf/` does not give it any more, so that it was read as it was written. */
  readonly isRecord: boolean;
}

/**
 * The configuration a run was started with, composed anew from what was typed; where files in `conf/` have changed, as it was written.
 *
 * @throws MAN_REPRODUCE_NOT_A_RUN; MAN_REPRODUCE_CONFIGURATION where this version of the program takes it no more
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
    if (composed?.toYaml() === text) return { composed, configName, isRecord: false };
  }
  const composed = attempt(() => ({ ...loadRecordedConfig(folder), overrides }));
  if (composed?.toYaml() !== text) throw otherConfiguration(folder);
  return { composed, configName: 'config', isRecord: true };
}

/**
 * What to type to start with the configuration of a run, in a folder of its own: for `--from`.
 *
 * @throws MAN_REPRODUCE_NOT_A_RUN, MAN_REPRODUCE_CONFIGURATION
 */
export async function wordsFrom(folder: string): Promise<Origin> {
  const { composed, configName, isRecord } = await configurationOf(folder);
  if (isRecord) return { words: PLACES.map((key) => `~${key}`), configName, record: folder };
  return { words: composed.overrides.filter((word) => !PLACES.includes(parseOverride(word).key)), configName };
}

/** What a run is to be started like. */
interface Origin {
  readonly words: readonly string[];
  readonly configName: ConfigName;
  /** The folder whose `config.yaml` is meant, in place of `conf/`. */
  readonly record?: string;
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
