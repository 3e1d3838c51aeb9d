import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ManError } from '@man/base';
import { type JobReport, type Job as LaunchedJob, type LaunchOptions, processes } from '@man/launch';
import { loadTrainConfig } from '../configuration.ts';
import { shown } from '../run-folder.ts';
import type { SweepConfig } from '../schema/index.ts';
import { follow } from '../sweep-follow.ts';
import { trainingJob } from '../sweep-job.ts';
import { threadsOf } from '../sweep-plan.ts';
import { reported, type SweepRun, waitingRun } from '../sweep-record.ts';
import { fact, notice, paint } from '../terminal.ts';
import { startWorker } from '../worker.ts';
import { type Job, stateOf, tidy, wordsOf } from './job.ts';
import { handOver, type QueuedRun, watchQueue } from './queue.ts';

/** What a launcher is told besides the jobs. */
export interface StopSignals {
  /** Ends the running jobs after their step, and starts no others. */
  readonly signal: AbortSignal;
  /** Ends them at once. */
  readonly kill: AbortSignal;
}

/**
 * Does jobs that have no result yet, each in a process of its own; what they leave is in their folders. A job that fails does not stop the
 * others.
 *
 * @returns why jobs have failed, by their folder
 */
export type Launch = (jobs: readonly Job[], stop: StopSignals) => Promise<ReadonlyMap<string, string>>;

/**
 * How jobs are done, as `launcher=…` says.
 *
 * @param queued jobs that Slurm has already, which are waited for as well
 */
export function launchBy(launcher: SweepConfig['launcher'], out: string, queued: readonly QueuedRun[]): Launch {
  if (launcher.type === 'serial') return serially;
  return (jobs, stop) => {
    const shared = jobs.map((job) => ({ ...job, overrides: withThreads(job.overrides, threadsOf(launcher, jobs.length)) }));
    return launcher.type === 'processes' ? sideBySide(shared, launcher, stop) : bySlurm(shared, launcher, out, queued, stop);
  };
}

/** With a share of the cores, where nothing was said of them. */
function withThreads(overrides: readonly string[], threads: number | null): readonly string[] {
  return threads === null || loadTrainConfig(overrides).config.threads !== null ? overrides : [`threads=${threads}`, ...overrides];
}

/** One job after the other; what they say is seen at once. */
const serially: Launch = async (jobs, { signal, kill }) => {
  const problems = new Map<string, string>();
  for (const [i, job] of jobs.entries()) {
    if (signal.aborted) break;
    notice(paint.bold(`\n${i + 1} of ${jobs.length}: ${job.label}`));
    const worker = startWorker(job.label, ['train', '--continue', '--json', ...wordsOf(job)]);
    signal.addEventListener('abort', worker.stop);
    kill.addEventListener('abort', worker.kill);
    await worker.result.catch((error: ManError) => {
      notice(error.describe());
      problems.set(job.folder, error.message);
    });
    signal.removeEventListener('abort', worker.stop);
    kill.removeEventListener('abort', worker.kill);
    if (!problems.has(job.folder) && (await stateOf(job)).state === 'finished') await tidy(job);
  }
  return problems;
};

/** Several jobs at a time; what each says is in a file beside its folder. */
async function sideBySide(jobs: readonly Job[], options: { readonly jobs: number }, stop: StopSignals) {
  await Promise.all(jobs.map(({ folder }) => mkdir(dirname(folder), { recursive: true })));
  const launched = jobs.map((job, i) => trainingJob(String(i), wordsOf(job), `${job.folder}.log`));
  const runs = jobs.map((job, i) => ({ ...job, job: launched[i] as LaunchedJob, report: null }));
  return followed(runs, (onChange) => processes(options).launch(launched, { ...stop, onChange }));
}

type SlurmLauncher = Extract<SweepConfig['launcher'], { type: 'slurm' }>;

async function bySlurm(
  jobs: readonly Job[],
  launcher: SlurmLauncher,
  out: string,
  queued: readonly QueuedRun[],
  { signal }: StopSignals,
): Promise<ReadonlyMap<string, string>> {
  const runs = [...queued, ...(await handOver(out, jobs, launcher))];
  if (!launcher.wait) return new Map();
  return followed(runs, (onChange) => watchQueue(runs, launcher, { signal, onChange }));
}

/** A job that is launched, and how it was when it was last looked at. */
interface Launched extends Pick<Job, 'folder' | 'label'> {
  readonly job: LaunchedJob;
  readonly report: JobReport | null;
}

/** Tells of jobs while they run, and tidies behind them. */
async function followed(
  launched: readonly Launched[],
  launch: (onChange: NonNullable<LaunchOptions['onChange']>) => Promise<unknown>,
): Promise<ReadonlyMap<string, string>> {
  const folders = new Map(launched.map(({ job, folder }) => [job.name, folder]));
  const folderOf = (name: string) => folders.get(name) as string;
  let runs: readonly SweepRun[] = launched.map(({ job, label, report }) => {
    const run = waitingRun(job.name, [], [label]);
    return report === null ? run : reported(run, report);
  });
  const change = (run: SweepRun) => {
    runs = runs.map((each) => (each.name === run.name ? run : each));
  };
  const follower = follow({ now: () => ({ runs }), change, folderOf });
  const tidied: Promise<void>[] = [];
  try {
    await launch((job, report) => {
      follower.onChange(job, report);
      if (report.state === 'done') tidied.push(tidy({ folder: folderOf(job.name) }));
    });
  } finally {
    await follower.end();
    await Promise.all(tidied);
  }
  const failed = runs.filter(({ state }) => state === 'failed');
  for (const { name } of failed) {
    const found = launched.find(({ job }) => job.name === name);
    if (found !== undefined) fact('failed', `${found.label}: ${shown(found.job.log)}`);
  }
  return new Map(failed.map(({ name, problem }) => [folderOf(name), problem ?? 'failed']));
}
