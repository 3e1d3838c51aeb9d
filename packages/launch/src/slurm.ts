import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyOf, defineSchema, format, isManError, nonNegativeInt, positiveInt, text, truth } from '@man/base';
import { badOption } from './errors.ts';
import { type Job, type JobReport, type LaunchOptions, type QueuedJob, type QueueLauncher, WAITING } from './launcher.ts';
import { slurmCommand } from './slurm-command.ts';
import { LATE_SIGNAL, slurmScript } from './slurm-script.ts';
import { accountStates, ending, liveState, queueStates, readExitCode } from './slurm-states.ts';

/** What {@link slurm} can be told; what is null is left to the cluster. */
export interface SlurmOptions {
  readonly partition?: string | null;
  readonly account?: string | null;
  readonly qos?: string | null;
  /** GPUs of each job. Default 0. */
  readonly gpusPerJob?: number;
  readonly cpusPerJob?: number | null;
  /** Of each job, as Slurm has it: `16G`. */
  readonly memory?: string | null;
  /** Of each job, as Slurm has it: minutes, `h:m:s` or `d-h:m:s`. */
  readonly timeLimit?: number | string | null;
  /** Most jobs that run at the same time. */
  readonly jobs?: number | null;
  /** Whether Slurm runs a job again that was preempted or lost its node. Default true. */
  readonly requeue?: boolean;
  /** How often a job is handed in again when its time limit comes; it is asked to end two minutes before. Default 3. */
  readonly restarts?: number;
  /** Further options of sbatch, such as `--constraint=a100`. */
  readonly extra?: readonly string[];
  /** Seconds between two looks at the queue. Default 10. */
  readonly pollSeconds?: number;
}

const option = (value: unknown) => typeof value === 'string' && /^--[a-z]/.test(value);

/** {@link SlurmOptions} as keys of a configuration. */
export const slurmSchema = defineSchema({
  partition: { doc: 'Of the cluster; null takes its default.', default: null, format: text, nullable: true },
  account: { doc: 'That the time is charged to.', default: null, format: text, nullable: true },
  qos: { doc: 'Quality of service.', default: null, format: text, nullable: true },
  gpusPerJob: { doc: 'GPUs of each run.', default: 0, format: nonNegativeInt },
  cpusPerJob: { doc: 'Cores of each run.', default: null, format: positiveInt, nullable: true },
  memory: { doc: 'Of each run, such as 16G.', default: null, format: text, nullable: true },
  timeLimit: { doc: 'Of each run: minutes, h:m:s or d-h:m:s.', default: null, format: anyOf(positiveInt, text), nullable: true },
  jobs: { doc: 'Most runs at the same time.', default: null, format: positiveInt, nullable: true },
  requeue: { doc: 'Whether a run that was preempted or lost its node is run again.', default: true, format: truth },
  restarts: { doc: 'How often a run goes on in a new time limit.', default: 3, format: nonNegativeInt },
  extra: {
    doc: 'Further options of sbatch, such as --constraint=a100.',
    default: [],
    format: format<readonly string[]>('a list of options that begin with --', (value) => Array.isArray(value) && value.every(option)),
  },
  pollSeconds: { doc: 'Seconds between two looks at the queue.', default: 10, format: positiveInt },
});

/** Slurm takes its time from the limit on; a run needs some to write what it has. */
const SECONDS_BEFORE_LIMIT = 120;
/** Looks at the queue that may fail in a row: a controller that is started anew is away for minutes. */
const MOST_FAILED_LOOKS = 30;

/**
 * All jobs as one array job of Slurm. Names of jobs are their numbers in the array, and all logs are `<name>.log` in one folder, where a folder
 * `slurm` takes the batch script and exit codes.
 *
 * Jobs outlive this process: `signal` ends the waiting, not the jobs. A job that is preempted, or asked to end before its time limit, runs
 * the same command again, so a command is to be one that goes on where it was.
 *
 * @throws `MAN_LAUNCH_OPTION`; from its functions also `MAN_LAUNCH_NO_SLURM`, `MAN_LAUNCH_SLURM`
 * @example
 * ```ts
 * import { slurm } from '@man/launch';
 *
 * const job = (name: string) => ({ name, command: ['/usr/bin/env', 'python3', 'train.py', name], log: `runs/${name}.log` }) as const;
 * export const run = () => slurm({ partition: 'gpu', gpusPerJob: 1, timeLimit: '12:00:00' }).launch(['0', '1', '2'].map(job));
 * ```
 */
export function slurm(options: SlurmOptions = {}): QueueLauncher {
  const { pollSeconds = 10, extra = [] } = options;
  if (!extra.every(option)) throw badOption('slurm({ extra })', 'a list of options that begin with --', extra);
  if (!(pollSeconds > 0)) throw badOption('slurm({ pollSeconds })', 'a number above 0', pollSeconds);
  const launcher: QueueLauncher = {
    name: 'slurm',
    submit: (jobs, settings = {}) => submit(options, jobs, settings.cwd ?? process.cwd()),
    watch: (jobs, settings = {}) => watch(jobs, settings, pollSeconds),
    look,
    async cancel(jobs) {
      const tasks = jobs.flatMap(({ report }) => taskOf(report) ?? []);
      if (tasks.length > 0) await slurmCommand('scancel', tasks);
    },
    async launch(jobs, settings = {}) {
      if (jobs.length === 0) return [];
      const queued = (await launcher.submit(jobs, settings)).map((report, i) => ({ job: jobs[i] as Job, report }));
      for (const { job, report } of queued) settings.onChange?.(job, report);
      return launcher.watch(queued, settings);
    },
  };
  return launcher;
}

/** `17_3` of `Slurm 17_3`. */
function taskOf({ place }: JobReport): string | null {
  return /^Slurm (\d+_\d+)$/.exec(place ?? '')?.[1] ?? null;
}

/** Looks until all are over, or nobody wants to know any more. */
async function watch(
  queued: readonly QueuedJob[],
  { signal, onChange }: Pick<LaunchOptions, 'signal' | 'onChange'>,
  pollSeconds: number,
): Promise<readonly JobReport[]> {
  let now = queued;
  for (let failed = 0; now.some(({ report }) => isLive(report)) && signal?.aborted !== true; ) {
    await sleep(1000 * pollSeconds, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    try {
      const reports = await look(now);
      const next = now.map(({ job, report }, i) => ({ job, report: reports[i] ?? report, changed: reports[i]?.state !== report.state }));
      for (const { job, report, changed } of next) if (changed) onChange?.(job, report);
      [now, failed] = [next, 0];
    } catch (error) {
      if (!isManError(error, 'MAN_LAUNCH_SLURM') || ++failed > MOST_FAILED_LOOKS) throw error;
    }
  }
  return now.map(({ report }) => report);
}

const isLive = (report: JobReport) => taskOf(report) !== null && (report.state === 'waiting' || report.state === 'running');

async function look(jobs: readonly QueuedJob[]): Promise<readonly JobReport[]> {
  if (!jobs.some(({ report }) => isLive(report))) return jobs.map(({ report }) => report);
  const queue = await queueStates();
  const forgotten = jobs.flatMap(({ report }) => (isLive(report) ? (taskOf(report) ?? []) : [])).filter((task) => !queue.has(task));
  const accounts = await accountStates(forgotten);
  return Promise.all(
    jobs.map(async ({ job, report }) => {
      const task = taskOf(report);
      if (task === null || !isLive(report)) return report;
      // Of tasks that are cancelled before they have begun, only their array is remembered.
      const word = queue.get(task) ?? accounts.get(task) ?? queue.get(task.split('_')[0] as string);
      const live = liveState(word);
      if (live !== null) return { ...report, state: live };
      return { ...ending(word, await readExitCode(exitFile(job))), place: report.place };
    }),
  );
}

const slurmFolder = ({ log }: Job) => join(dirname(log), 'slurm');
const exitFile = (job: Job) => join(slurmFolder(job), `${job.name}.exit`);

async function submit(options: SlurmOptions, jobs: readonly Job[], cwd: string): Promise<readonly JobReport[]> {
  const [first] = jobs;
  if (first === undefined) return [];
  for (const job of jobs) checkJob(job, dirname(first.log));
  const folder = slurmFolder(first);
  await mkdir(folder, { recursive: true });
  // Of an earlier attempt.
  await Promise.all(jobs.flatMap((job) => [exitFile(job), `${exitFile(job)}.late`].map((file) => rm(file, { force: true }))));
  const script = join(folder, 'array.sh');
  await writeFile(script, slurmScript({ jobs, exitFile, restarts: options.restarts ?? 3 }));
  const printed = await slurmCommand('sbatch', [...submitArgs(options, jobs, cwd), script]);
  // On clusters of clusters the name of one follows.
  const id = /^(\d+)(;.*)?$/.exec(printed.trim())?.[1] as string;
  return jobs.map(({ name }) => ({ ...WAITING, place: `Slurm ${id}_${name}` }));
}

function checkJob({ name, log }: Job, folder: string): void {
  if (!/^(0|[1-9]\d{0,6})$/.test(name)) throw badOption('name of a job for slurm()', 'its number in the array', name);
  if (log !== join(folder, `${name}.log`)) throw badOption(`log of job ${name} for slurm()`, join(folder, `${name}.log`), log);
  // Slurm would read it as "no patterns in here", and all jobs would write to one file.
  if (log.includes('\\')) throw badOption(`log of job ${name} for slurm()`, 'a path without backslashes', log);
}

/** The words behind `sbatch`, without the script. */
export function submitArgs(options: SlurmOptions, jobs: readonly Job[], cwd: string): string[] {
  const { partition, account, qos, gpusPerJob = 0, cpusPerJob, memory, timeLimit, jobs: width, requeue = true, extra = [] } = options;
  const folder = dirname((jobs[0] as Job).log);
  const given = { partition, account, qos, 'cpus-per-task': cpusPerJob, mem: memory, time: timeLimit };
  const named = Object.entries(given).flatMap(([name, value]) => (value === null || value === undefined ? [] : [`--${name}=${value}`]));
  return [
    '--parsable',
    `--job-name=${basename(folder)}`,
    `--array=${ranges(jobs.map(({ name }) => Number(name)))}${width === null || width === undefined ? '' : `%${width}`}`,
    `--chdir=${cwd}`,
    `--output=${folder.replaceAll('%', '%%')}/%a.log`,
    '--open-mode=append',
    requeue ? '--requeue' : '--no-requeue',
    ...(timeLimit === null || timeLimit === undefined ? [] : [`--signal=B:${LATE_SIGNAL}@${SECONDS_BEFORE_LIMIT}`]),
    ...(gpusPerJob > 0 ? [`--gres=gpu:${gpusPerJob}`] : []),
    ...named,
    ...extra,
  ];
}

/** `0-2,5` of 0, 1, 2, 5: a list of a thousand numbers would be too long for Slurm. */
export function ranges(numbers: readonly number[]): string {
  const runs: [from: number, to: number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
