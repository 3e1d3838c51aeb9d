import { isManError } from '@man/base';
import { gridSweeper, listGroups, parseOverride, randomSweeper, readSweep, type Sweeper, type SweepJob } from '@man/config';
import { threadsFor } from '@man/launch';
import { loadSweepConfig, source } from './configuration.ts';
import { badSweepRun, sweptSection, typedFolder } from './errors.ts';
import { SWEEP_SECTIONS, type SweepConfig } from './schema/index.ts';

/** What a sweep runs, and how. */
export interface SweepPlan {
  readonly typed: readonly string[];
  /** What of it says how the sweep runs. */
  readonly how: readonly string[];
  readonly jobs: readonly SweepJob[];
  readonly config: SweepConfig;
}

/**
 * Reads what was typed behind `train -m`. Every run's configuration is composed, so that a mistake in the last one is found before the first
 * one starts.
 *
 * @throws the `MAN_CONFIG_*` of `readSweep` and `compose`; MAN_REPRODUCE_SWEEP, MAN_REPRODUCE_SWEEP_RUN
 */
export async function planSweep(words: readonly string[]): Promise<SweepPlan> {
  const sweep = readSweep(words, { groups: listGroups(source()) });
  const swept = sweep.axes.find(({ key }) => SWEEP_SECTIONS.includes(sectionOf(key)));
  if (swept !== undefined) throw sweptSection(swept.key);
  const fixed = sweep.order.filter((entry) => typeof entry === 'string');
  const placed = fixed.find((word) => ['run.dir', 'run.root'].includes(parseOverride(word).key));
  if (placed !== undefined) throw typedFolder(placed);
  const how = fixed.filter(isHow);
  const { config } = loadSweepConfig(how);
  const what = { axes: sweep.axes, order: sweep.order.filter((entry) => typeof entry === 'number' || !isHow(entry)) };
  const jobs = (await sweeperOf(config).propose(what, [])).map((job, i, all) => checked(job, i, all.length, config));
  return { typed: words, how, jobs, config };
}

const sectionOf = (key: string): string => key.replace(/^\++/, '').split(/[./]/)[0] as string;

/** Whether an override says how a sweep runs, and not what. */
export function isHow(word: string): boolean {
  return SWEEP_SECTIONS.includes(sectionOf(parseOverride(word).key));
}

function sweeperOf({ sweeper }: SweepConfig): Sweeper {
  return sweeper.type === 'random' ? randomSweeper(sweeper) : gridSweeper();
}

/** The run, with its share of the cores where it says nothing about threads; its configuration is right. */
function checked(job: SweepJob, index: number, count: number, { launcher }: SweepConfig): SweepJob {
  try {
    const { config } = loadSweepConfig(job.overrides);
    const threads = threadsOf(launcher, count);
    return threads === null || config.threads !== null ? job : { ...job, overrides: [`threads=${threads}`, ...job.overrides] };
  } catch (error) {
    if (!isManError(error) || count === 1) throw error;
    throw badSweepRun(index, count, job.varied, error);
  }
}

/** Threads of each run where its launcher says; null where it may take all cores. */
export function threadsOf(launcher: SweepConfig['launcher'], runs: number): number | null {
  if (launcher.type === 'slurm') return launcher.cpusPerJob;
  const width = launcher.type === 'processes' ? Math.min(launcher.jobs, runs) : 1;
  return width === 1 ? null : threadsFor(width);
}
