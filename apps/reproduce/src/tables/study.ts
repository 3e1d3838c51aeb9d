import { resolve } from 'node:path';
import { parseOverride } from '@man/config';
import { loadSweepConfig } from '../configuration.ts';
import { badProfile, badSeeds, sweptStudy, tableBegun } from '../errors.ts';
import { shown } from '../run-folder.ts';
import type { SweepConfig } from '../schema/index.ts';
import { listenForStop } from '../stop.ts';
import { isHow } from '../sweep-plan.ts';
import { fact, notice } from '../terminal.ts';
import { type Cell, PROFILES, type Profile } from './cell.ts';
import { type Job, jobsOf, stateOf, tidy } from './job.ts';
import { launchBy } from './launch.ts';
import { lookAtQueue } from './queue.ts';
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
  /** Absolute folder above those of tables and figures. */
  readonly out: string;
  /** Absolute folder of what is made from them. */
  readonly folder: string;
  /** Of all cells, chosen or not: a table shows what is there. */
  readonly jobs: readonly Job[];
  /** Ids of the cells that are trained and printed. */
  readonly chosen: ReadonlySet<string>;
  /** Typed for all runs. */
  readonly overrides: readonly string[];
  readonly launcher: SweepConfig['launcher'];
}

/** Seeds that a profile trains each cell with; five in the paper. */
const SEEDS: Readonly<Record<Profile, number>> = { paper: 5, quick: 1, smoke: 1 };

/**
 * The runs of some cells, as they were asked for.
 *
 * @param name of the folder of what is made from them: `table-1`
 * @throws MAN_REPRODUCE_OPTION
 */
export function makeStudy(name: string, cells: readonly Cell[], words: readonly string[], options: StudyOptions): Study {
  const out = resolve(options.out);
  const profile = PROFILES.find((known) => known === options.profile);
  if (profile === undefined) throw badProfile(options.profile, PROFILES);
  const seeds = options.seeds === null ? SEEDS[profile] : Number(options.seeds);
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > 100) throw badSeeds(options.seeds ?? '');
  const overrides = words.filter((word) => !isHow(word));
  return {
    profile,
    out,
    folder: resolve(out, name, profile),
    jobs: jobsOf(cells, { out, profile, seeds, overrides }),
    chosen: new Set(chosenCells(cells, options.rows).map(({ id }) => id)),
    overrides,
    launcher: launcherIn(words.filter(isHow)),
  };
}

function launcherIn(words: readonly string[]): SweepConfig['launcher'] {
  const other = words.find((word) => !/^launcher\b/.test(parseOverride(word).key));
  if (other !== undefined) throw sweptStudy(other);
  return loadSweepConfig(words).config.launcher;
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
 * @throws MAN_REPRODUCE_TABLE_BEGUN, MAN_REPRODUCE_TABLE_CONFIGURATION; of Slurm, also MAN_LAUNCH_NO_SLURM, MAN_LAUNCH_SLURM
 */
export async function trainStudy(study: Study, resume: boolean): Promise<Trained> {
  const { out, launcher } = study;
  const wanted = study.jobs.filter(({ cell }) => study.chosen.has(cell.id));
  const folders = new Set(wanted.map(({ folder }) => folder));
  const queued = (await lookAtQueue(out)).filter(({ folder }) => folders.has(folder));
  const jobs = await openJobs(study, wanted, new Set(queued.map(({ folder }) => folder)), resume);
  const kill = new AbortController();
  const stop = listenForStop(() => kill.abort());
  try {
    const failed = await launchBy(launcher, out, queued)(jobs, { signal: stop.signal, kill: kill.signal });
    const left = (await lookAtQueue(out)).filter(({ folder }) => folders.has(folder));
    if (left.length > 0)
      notice(`${left.length} ${left.length === 1 ? 'run is' : 'runs are'} in the queue of Slurm; the same command looks again.`);
    const problems = new Map([...left.map(({ folder }) => [folder, 'in the queue of Slurm'] as const), ...failed]);
    return { problems, exitCode: stop.exitCode() || (failed.size > 0 ? 1 : 0) };
  } finally {
    stop.dispose();
  }
}

/**
 * Those of the wanted jobs that are to be trained: without a result, and not in a queue.
 *
 * @throws MAN_REPRODUCE_TABLE_BEGUN where some are half done and nobody said to go on
 */
async function openJobs({ folder }: Study, wanted: readonly Job[], queued: ReadonlySet<string>, resume: boolean): Promise<readonly Job[]> {
  const states = await Promise.all(wanted.map(stateOf));
  const inState = (...names: readonly string[]) =>
    wanted.filter((job, i) => names.includes(states[i]?.state ?? '') && !queued.has(job.folder));
  const begun = inState('begun').map((job) => shown(job.folder));
  if (begun.length > 0 && !resume) throw tableBegun(begun);
  // Those that were finished when nobody looked.
  const finished = inState('finished');
  await Promise.all(finished.map(tidy));
  const open = inState('new', 'begun');
  fact('folder', shown(folder));
  const elsewhere = queued.size === 0 ? '' : `, ${queued.size} in the queue of Slurm`;
  fact('runs', `${open.length} to train, ${finished.length} there already${elsewhere}`);
  return open;
}
