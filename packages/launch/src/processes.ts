import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { defineSchema, listOf, nonNegativeInt, positiveInt } from '@man/base';
import { badOption } from './errors.ts';
import { type Job, type JobReport, type Launcher, type LaunchOptions, WAITING } from './launcher.ts';

/** What {@link processes} can be told. */
export interface ProcessesOptions {
  /** How many run side by side. Default 2. */
  readonly jobs?: number;
  /** Numbers of graphics cards, dealt to the places in turn: a job sees its own alone (`CUDA_VISIBLE_DEVICES`). Default none, which changes nothing. */
  readonly gpus?: readonly number[];
}

/** {@link ProcessesOptions} as keys of a configuration. */
export const processesSchema = defineSchema({
  jobs: { doc: 'Runs side by side; the cores are split between them.', default: 2, format: positiveInt },
  gpus: { doc: 'Graphics cards, dealt to the runs side by side.', default: [] as number[], format: listOf(nonNegativeInt) },
});

/** One job after the other, each in a process of its own: a crash or a leak cannot hurt the next one. */
export function serial(): Launcher {
  return { ...processes({ jobs: 1 }), name: 'serial' };
}

/**
 * Several jobs at a time, each in a child process; the next one starts when one has ended.
 *
 * Asked to stop, a job is sent SIGTERM and given as long as it needs. Children have an IPC channel, so they can tell that the process that
 * started them has died (`process.on('disconnect')`), and that a Ctrl-C, which a terminal sends to all, is for their parent to heed.
 *
 * @throws `MAN_LAUNCH_OPTION`
 * @example
 * ```ts
 * import { processes } from '@man/launch';
 *
 * const command = (seed: number) => [process.execPath, 'train.js', `--seed=${seed}`] as const;
 * export const run = () => processes({ jobs: 2 }).launch([1, 2, 3].map((seed) => ({ name: `${seed}`, command: command(seed), log: `${seed}.log` })));
 * ```
 */
export function processes({ jobs: width = 2, gpus = [] }: ProcessesOptions = {}): Launcher {
  if (!(Number.isSafeInteger(width) && width > 0)) throw badOption('processes({ jobs })', 'a whole number, 1 or more', width);
  const strange = gpus.find((gpu) => !(Number.isSafeInteger(gpu) && gpu >= 0));
  if (strange !== undefined) throw badOption('processes({ gpus })', 'whole numbers, 0 or more', strange);
  return {
    name: 'processes',
    async launch(jobs, options = {}) {
      const reports: JobReport[] = jobs.map(() => WAITING);
      let next = 0;
      const slot = async (place: number) => {
        const env =
          gpus.length === 0 ? options.env : { ...(options.env ?? process.env), CUDA_VISIBLE_DEVICES: `${gpus[place % gpus.length]}` };
        while (next < jobs.length && options.signal?.aborted !== true) {
          const index = next++;
          reports[index] = await runProcess(jobs[index] as Job, { ...options, ...(env === undefined ? {} : { env }) });
        }
      };
      await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, (_, place) => slot(place)));
      return reports;
    },
  };
}

/** Threads for each of so many jobs that run side by side, at least 1. */
export function threadsFor(jobs: number): number {
  return Math.max(1, Math.floor(availableParallelism() / jobs));
}

/** Runs one job to its end. Never rejects: what cannot be started has failed. */
async function runProcess(job: Job, options: LaunchOptions): Promise<JobReport> {
  const { onChange = () => {} } = options;
  const report = await open(job.log, 'a').then(
    async (log) => {
      try {
        return await runWithLog(job, log, options);
      } finally {
        await log.close();
      }
    },
    (cause: Error): JobReport => ({ ...WAITING, state: 'failed', problem: `its log cannot be written: ${cause.message}` }),
  );
  onChange(job, report);
  return report;
}

async function runWithLog(job: Job, log: FileHandle, { signal, kill, onChange, cwd, env }: LaunchOptions): Promise<JobReport> {
  const [program, ...args] = job.command;
  const child = spawn(program, args, {
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...env } }),
  });
  const place = child.pid === undefined ? null : `process ${child.pid}`;
  const stop = () => child.kill('SIGTERM');
  const end = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  kill?.addEventListener('abort', end);
  try {
    if (place !== null) onChange?.(job, { ...WAITING, state: 'running', place });
    const ended = await endOf(child);
    return { ...outcome(ended, signal?.aborted === true), place };
  } finally {
    signal?.removeEventListener('abort', stop);
    kill?.removeEventListener('abort', end);
  }
}

type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error: Error | null };

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, error }));
    child.on('exit', (code, signal) => resolve({ code, signal, error: null }));
  });
}

function outcome({ code, signal, error }: Ended, wasAsked: boolean): Omit<JobReport, 'place'> {
  if (code === 0) return { state: 'done', exitCode: 0, problem: null };
  if (error !== null) return { state: 'failed', exitCode: null, problem: `could not be started: ${error.message}` };
  if (wasAsked) return { state: 'stopped', exitCode: code, problem: 'was stopped' };
  return { state: 'failed', exitCode: code, problem: signal === null ? `ended with exit code ${code}` : `was ended by ${signal}` };
}
