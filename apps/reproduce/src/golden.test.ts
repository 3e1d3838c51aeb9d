/**
 * What configurations and their keys were: a run of last year must mean the same today. Where a change is meant,
 * `npx vitest run --config test/vitest.config.ts apps/reproduce/src/golden.test.ts -u` writes it down, to be read in review.
 */
import { readdirSync } from 'node:fs';
import { type ConfigSchema, describeSchema } from '@man/config';
import { describe, expect, it } from 'vitest';
import { loadTrainConfig } from './configuration.ts';
import { backboneSchemas } from './schema/backbone.ts';
import { datasetSchemas } from './schema/dataset.ts';
import { comparisonSchema } from './schema/index.ts';
import { lossSchemas } from './schema/loss.ts';
import { optimizerSchemas } from './schema/optimizer.ts';
import { pluginSchemas } from './schema/plugin.ts';
import { scheduleSchemas } from './schema/schedule.ts';
import { launcherSchemas, sweeperSchemas, sweepFolderSchema } from './schema/sweep.ts';

const experiments = readdirSync(new URL('../conf/experiment/', import.meta.url)).map((file) => file.replace('.yaml', ''));
const unions: Readonly<Record<string, Readonly<Record<string, ConfigSchema>>>> = {
  backbone: backboneSchemas,
  dataset: datasetSchemas,
  loss: lossSchemas,
  optimizer: optimizerSchemas,
  plugin: pluginSchemas,
  schedule: scheduleSchemas,
  launcher: launcherSchemas,
  sweeper: sweeperSchemas,
  sweep: { folder: sweepFolderSchema },
};

describe('experiments compose to what they composed to', () => {
  it.each(experiments)('%s', async (name) => {
    await expect(loadTrainConfig([`experiment=${name}`]).toYaml()).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  it('and without one', async () => {
    await expect(loadTrainConfig([]).toYaml()).toMatchFileSnapshot('golden/none.yaml');
  });
});

describe('keys are what they were', () => {
  it('with their values and defaults', async () => {
    const { config } = loadTrainConfig([]);
    const isShared = ({ key }: { readonly key: string }) => !Object.keys(unions).some((union) => key.startsWith(`${union}.`));
    const shared = describeSchema(comparisonSchema(config as unknown as Parameters<typeof comparisonSchema>[0])).filter(isShared);
    const chosen = Object.entries(unions).flatMap(([union, schemas]) =>
      Object.entries(schemas).flatMap(([type, schema]) => describeSchema(schema, [`${union}[${type}]`])),
    );
    const lines = [...shared, ...chosen].map(({ key, expects, default: value }) => `${key}: ${expects}; default ${JSON.stringify(value)}`);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/keys.txt');
  });
});
