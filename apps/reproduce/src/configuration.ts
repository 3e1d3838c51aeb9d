import { fileURLToPath } from 'node:url';
import { type Composed, compose, folderSource, type Rule } from '@man/config';
import { trainRules } from './rules.ts';
import { type CompareConfig, comparisonSchema, type TrainConfig, trainSchema } from './schema/index.ts';

/** First files in conf/: `config` for one run, `compare` for several. */
export type ConfigName = 'config' | 'compare';

const source = () => folderSource(fileURLToPath(new URL('../conf', import.meta.url)));

/**
 * The configuration of one run; with `'compare'`, that of a run of a comparison.
 *
 * @throws the `MAN_CONFIG_*` of `compose`
 */
export function loadTrainConfig(overrides: readonly string[], configName: ConfigName = 'config'): Composed<TrainConfig> {
  if (configName === 'compare') return loadCompareConfig(overrides);
  return compose<ReturnType<typeof trainSchema>>({
    source: source(),
    configName,
    overrides,
    schema: (_, raw) => trainSchema(raw),
    refine: trainRules,
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
  });
}
