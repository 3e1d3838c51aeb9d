import { type ConfigOf, type ConfigValue, chooseSchema } from '@man/config';
import { partitionSchema } from '@man/core';
import { backboneSchemas } from './backbone.ts';
import { baseSchema } from './base.ts';
import { checkpointSchema } from './checkpoint.ts';
import { compareSchema } from './compare.ts';
import { datasetSchemas } from './dataset.ts';
import { extrasSchema } from './extras.ts';
import { lossSchemas } from './loss.ts';
import { optimizerSchemas } from './optimizer.ts';
import { pluginSchemas } from './plugin.ts';
import { scheduleSchemas } from './schedule.ts';
import { launcherSchemas, sweeperSchemas, sweepFolderSchema } from './sweep.ts';
import { trackSchema } from './track.ts';

type Raw = Readonly<Record<string, ConfigValue>>;

function choose<const T extends Parameters<typeof chooseSchema>[2]>(raw: Raw, group: string, table: T): T[keyof T] {
  return chooseSchema(`${group}.type`, (raw[group] as Raw | undefined)?.type, table) as T[keyof T];
}

/** The schema of a run: a union of the sub-schemas of what was chosen. */
export function trainSchema(raw: Raw) {
  const chosen = <const T extends Parameters<typeof chooseSchema>[2]>(group: string, table: T) => choose(raw, group, table);
  return {
    ...baseSchema,
    checkpoint: checkpointSchema,
    track: trackSchema,
    extras: extrasSchema,
    dataset: chosen('dataset', datasetSchemas),
    backbone: chosen('backbone', backboneSchemas),
    partition: partitionSchema,
    loss: chosen('loss', lossSchemas),
    plugin: chosen('plugin', pluginSchemas),
    optimizer: chosen('optimizer', optimizerSchemas),
    schedule: chosen('schedule', scheduleSchemas),
  };
}

/** The schema of a sweep: that of its runs, and how they are run. */
export function sweepSchema(raw: Raw) {
  return {
    ...trainSchema(raw),
    launcher: choose(raw, 'launcher', launcherSchemas),
    sweeper: choose(raw, 'sweeper', sweeperSchemas),
    sweep: sweepFolderSchema,
  };
}

/** Sections that say how a sweep runs, and nothing of what a run is. */
export const SWEEP_SECTIONS: readonly string[] = ['launcher', 'sweeper', 'sweep'];

/** The schema of a comparison: that of a run, and the list of methods. */
export function comparisonSchema(raw: Raw) {
  return { ...trainSchema(raw), ...compareSchema };
}

/** What one run is told. */
export type TrainConfig = ConfigOf<ReturnType<typeof trainSchema>>;
/** What a sweep is told. */
export type SweepConfig = ConfigOf<ReturnType<typeof sweepSchema>>;
/** What a comparison is told. */
export type CompareConfig = ConfigOf<ReturnType<typeof comparisonSchema>>;
