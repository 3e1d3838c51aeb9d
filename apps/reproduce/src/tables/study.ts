import { resolve } from 'node:path';
import { badProfile, badSeeds, tableBegun } from '../errors.ts';
import { shown } from '../run-folder.ts';
import { listenForStop } from '../stop.ts';
import { fact } from '../terminal.ts';
import type { Worker } from '../worker.ts';
import { type Cell, PROFILES, type Profile } from './cell.ts';
import { type Job, jobsOf, stateOf } from './job.ts';
import { serially } from './launch.ts';
import { chosenCells } from './rows.ts';

/** Options of `man-reproduce table` and `figure`, as typed. */
export interface StudyOptions {
  readonly profile: string;
  readonly rows: string | null;
  readonly seeds: string | null;
  /** Folder above those of tables and figures. */
  readonly out: string;
  readonly resume: boolean;
  /** Whether only to say what would run, how long, and what it takes. */
  readonly dry: boolean;
  readonly json: boolean;
}

/** The runs that a table or a figure stands on. */
export interface Study {
  readonly profile: Profile;
  /** Absolute folder of what is made from them. */
  readonly folder: string;
  /** Of all cells, chosen or not: a table shows what is there. */
  readonly jobs: readonly Job[];
  /** Ids of the cells that are trained and printed. */
  readonly chosen: ReadonlySet<string>;
  readonly overrides: readonly string[];
}

/** Seeds that a profile trains each cell with; five in the paper. */
const SEEDS: Readonly<Record<Profile, number>> = { paper: 5, quick: 1, smoke: 1 };

/**
 * The runs of some cells, as they were asked for.
 *
 * @param name of the folder of what is made from them: `table-1`
 * @throws MAN_REPRODUCE_OPTION
 */
export function makeStudy(name: string, cells: readonly Cell[], overrides: readonly string[], options: StudyOptions): Study {
  const { rows, out } = options;
  const profile = PROFILES.find((known) => known === options.profile);
  if (profile === undefined) throw badProfile(options.profile, PROFILES);
  const seeds = options.seeds === null ? SEEDS[profile] : Number(options.seeds);
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > 100) throw badSeeds(options.seeds ?? '');
  return {
    profile,
    folder: resolve(out, name, profile),
    jobs: jobsOf(cells, { out: resolve(out), profile, seeds, overrides }),
    chosen: new Set(chosenCells(cells, rows).map(({ id }) => id)),
    overrides,
  };
}

/** What became of the runs of a study. */
export interface Trained {
  /** Why runs have no result, by their folder. */
  readonly problems: ReadonlyMap<string, string>;
  /** 0; 1 when a run failed; 130 or 143 when it was stopped. */
  readonly exitCode: number;
}

/**
 * Trains the chosen runs that have no result yet.
 *
 * @throws MAN_REPRODUCE_TABLE_BEGUN, MAN_REPRODUCE_TABLE_CONFIGURATION
 */
export async function trainStudy(study: Study, resume: boolean): Promise<Trained> {
  const jobs = await openJobs(study, resume);
  let worker: Worker | undefined;
  const stop = listenForStop(() => worker?.kill());
  stop.signal.addEventListener('abort', () => worker?.stop());
  try {
    const launch = serially((started) => {
      worker = started;
    });
    const problems = await launch(jobs, { signal: stop.signal });
    return { problems, exitCode: stop.exitCode() || (problems.size > 0 ? 1 : 0) };
  } finally {
    stop.dispose();
  }
}

/** The chosen jobs that have no result. @throws MAN_REPRODUCE_TABLE_BEGUN where some are half done and nobody said to go on */
async function openJobs({ jobs, chosen, folder }: Study, resume: boolean): Promise<readonly Job[]> {
  const wanted = jobs.filter(({ cell }) => chosen.has(cell.id));
  const states = await Promise.all(wanted.map(stateOf));
  const begun = wanted.filter((_, i) => states[i]?.state === 'begun').map((job) => shown(job.folder));
  if (begun.length > 0 && !resume) throw tableBegun(begun);
  const open = wanted.filter((_, i) => states[i]?.state !== 'finished');
  fact('folder', shown(folder));
  fact('runs', `${open.length} to train, ${wanted.length - open.length} there already`);
  return open;
}
