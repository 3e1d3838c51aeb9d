import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Composed, type ConfigSource, compose, folderSource, overlaySource, type Rule, recordSource } from '@man/config';
import { noConfigFolder } from './errors.ts';
import { trainRules } from './rules.ts';
import {
  type CompareConfig,
  comparisonSchema,
  SWEEP_SECTIONS,
  type SweepConfig,
  sweepSchema,
  type TrainConfig,
  trainSchema,
} from './schema/index.ts';
import { SYNONYMS } from './synonyms.ts';

/** First files in conf/: `config` for one run, `compare` for several. */
export type ConfigName = 'config' | 'compare';

const FOLDER = fileURLToPath(new URL('../conf', import.meta.url));

/**
 * Puts a folder of the user's own over conf/: options of groups, experiments. The environment says so to processes that are started for runs, too.
 *
 * @throws MAN_REPRODUCE_OPTION
 */
export function useConfigFolder(folder: string): void {
  if (!(statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false)) throw noConfigFolder(folder);
  process.env.MAN_CONFIG_DIR = resolve(folder);
}

/** The files of configurations. */
export function source(): ConfigSource {
  const own = process.env.MAN_CONFIG_DIR;
  return own === undefined || own === '' ? folderSource(FOLDER) : overlaySource(folderSource(own, own), folderSource(FOLDER));
}

/** Whether `group=option` names a file. */
export function isOption(group: string, option: string): boolean {
  return source().read(`${group}/${option}.yaml`) !== undefined;
}

/**
 * The configuration of one run; with `'compare'`, that of a run of a comparison.
 *
 * @throws the `MAN_CONFIG_*` of `compose`
 */
export function loadTrainConfig(overrides: readonly string[], configName: ConfigName = 'config'): Composed<TrainConfig> {
  return configName === 'compare' ? loadCompareConfig(overrides) : loadSweepConfig(overrides);
}

/**
 * The configuration of one run of a sweep, with how the sweep runs. Hash and YAML are those of the run.
 *
 * @throws the `MAN_CONFIG_*` of `compose`
 */
export function loadSweepConfig(overrides: readonly string[]): Composed<SweepConfig> {
  return compose<ReturnType<typeof sweepSchema>>({
    source: source(),
    overrides,
    schema: (_, raw) => sweepSchema(raw),
    refine: trainRules,
    apart: SWEEP_SECTIONS,
    synonyms: SYNONYMS,
  });
}

/**
 * The configuration in the folder of a run as it stands there, whatever has become of `conf/`. Values may be changed, options of groups not.
 *
 * @throws the `MAN_CONFIG_*` of `compose`
 */
export function loadRecordedConfig(folder: string, overrides: readonly string[] = []): Composed<TrainConfig> {
  return compose<ReturnType<typeof trainSchema>>({
    source: recordSource(folder),
    overrides,
    schema: (_, raw) => trainSchema(raw),
    refine: trainRules,
    synonyms: SYNONYMS,
  });
}

/**
 * The configuration of a comparison. Rules are those of its runs, which are judged with their own overrides.
 *
 * @throws the `MAN_CONFIG_*` of `compose`
 */
export function loadCompareConfig(overrides: readonly string[], rules: readonly Rule<CompareConfig>[] = []): Composed<CompareConfig> {
  return compose<ReturnType<typeof comparisonSchema>>({
    source: source(),
    configName: 'compare',
    overrides,
    schema: (_, raw) => comparisonSchema(raw),
    refine: [...trainRules, ...rules],
    synonyms: SYNONYMS,
  });
}
