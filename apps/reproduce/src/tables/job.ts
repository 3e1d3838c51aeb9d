import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKPOINTS } from '../checkpoints.ts';
import { resultDifferences } from '../config-differences.ts';
import { loadTrainConfig } from '../configuration.ts';
import { otherCell } from '../errors.ts';
import type { RunResult } from '../result.ts';
import { shown } from '../run-folder.ts';
import { quoted } from '../worker.ts';
import { type Cell, methodName, overridesOf, type Profile } from './cell.ts';
import { homeOf } from './paper-tables.ts';

/** One run of a table: a cell with a seed, and where its files are. */
export interface Job {
  readonly cell: Cell;
  readonly seed: number;
  /** Absolute. */
  readonly folder: string;
  /** What people call it. */
  readonly label: string;
  /** What `train` is told, the folder excepted. */
  readonly overrides: readonly string[];
}

/** Where the runs of a table are, and how they are trained. */
export interface JobOptions {
  /** Absolute folder above those of the tables. */
  readonly out: string;
  readonly profile: Profile;
  readonly seeds: number;
  /** Typed besides; the same for all. */
  readonly overrides: readonly string[];
}

/**
 * All runs of some cells: every cell with the first seed, then with the second, so that a table fills evenly. A cell of several tables has
 * its runs with the first of them.
 */
export function jobsOf(cells: readonly Cell[], { out, profile, seeds, overrides }: JobOptions): readonly Job[] {
  return Array.from({ length: seeds }, (_, i) => i + 1).flatMap((seed) =>
    cells.map((cell) => ({
      cell,
      seed,
      folder: join(out, homeOf(cell), profile, cell.id, `seed-${seed}`),
      label: `${cell.dataset}, ${cell.backbone}, ${cell.method === 'E2E' ? '' : `K=${cell.blocks}, `}${methodName(cell)}, seed ${seed}`,
      overrides: [...overridesOf(cell, profile, overrides), `seed=${seed}`],
    })),
  );
}

/** How far a job is, as its folder tells: nothing there, begun, or with a result. */
export type JobState = { readonly state: 'new' } | { readonly state: 'begun' } | { readonly state: 'finished'; readonly result: RunResult };

/**
 * Looks into the folder of a job.
 *
 * @throws MAN_REPRODUCE_TABLE_CONFIGURATION where the run in it had another configuration
 */
export async function stateOf(job: Job): Promise<JobState> {
  const text = await readFile(join(job.folder, 'config.yaml'), 'utf8').catch(() => null);
  if (text === null) return { state: 'new' };
  const changed = resultDifferences([text, loadTrainConfig(job.overrides).toYaml()]);
  if (changed[0] !== undefined) throw otherCell(shown(job.folder), changed[0].key, changed[0].values);
  const result = await resultIn(job.folder);
  return result !== null && !result.interrupted ? { state: 'finished', result } : { state: 'begun' };
}

async function resultIn(folder: string): Promise<RunResult | null> {
  const text = await readFile(join(folder, 'summary.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as RunResult);
}

/** The words behind `man-reproduce train --continue` that do a job, or go on with it. */
export function wordsOf({ cell, seed, folder, overrides }: Job): readonly string[] {
  return [...overrides, `run.dir=${quoted(shown(folder))}`, `run.name=${cell.id}-${seed}`, `run.label=${quoted(methodName(cell))}`];
}

/** Takes away what only a run that goes on needs, once it has a result. */
export async function tidy({ folder }: Pick<Job, 'folder'>): Promise<void> {
  await rm(join(folder, CHECKPOINTS), { recursive: true, force: true });
}
