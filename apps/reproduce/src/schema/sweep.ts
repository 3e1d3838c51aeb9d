import { defineSchema, randomSweeperSchema, text, truth } from '@man/config';
import { processesSchema, slurmSchema } from '@man/launch';
import { typed } from './typed.ts';

/** Sub-schemas of `launcher`, by `launcher.type`. */
export const launcherSchemas = {
  serial: typed('serial', 'Runs of a sweep one after the other.', {}),
  processes: typed('processes', 'Runs of a sweep side by side in child processes.', processesSchema),
  slurm: typed('slurm', 'Runs of a sweep as an array job of Slurm.', {
    ...slurmSchema,
    wait: { doc: 'Whether to wait for the runs, or only to hand them over.', default: true, format: truth },
  }),
};

/** Sub-schemas of `sweeper`, by `sweeper.type`. */
export const sweeperSchemas = {
  grid: typed('grid', 'Every combination of the values.', {}),
  random: typed('random', 'Values drawn at random.', randomSweeperSchema),
};

/** Where a sweep is. */
export const sweepFolderSchema = defineSchema({
  root: { doc: 'Where folders <date>/<time> of sweeps are made.', default: 'multirun', format: text },
  dir: { doc: 'The folder of the sweep itself, instead.', default: null, format: text, nullable: true },
});
