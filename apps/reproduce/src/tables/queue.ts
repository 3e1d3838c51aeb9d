import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type LaunchOptions, type QueuedJob, type SlurmOptions, slurm } from '@man/launch';
import { atomicWrite } from '@man/track';
import { badQueueFile } from '../errors.ts';
import { shown } from '../run-folder.ts';
import { trainingJob, withReason } from '../sweep-job.ts';
import { fact } from '../terminal.ts';
import { type Job, wordsOf } from './job.ts';

/** A run of a table or figure that Slurm has. */
export interface QueuedRun extends QueuedJob, Pick<Job, 'folder' | 'label'> {}

/** `queue.json`: runs that were not over when they were last looked at, and the number in the array that the next one will have. */
interface QueueFile {
  readonly next: number;
  readonly runs: readonly QueuedRun[];
}

/** Below the folder of all outputs: runs belong to several tables and figures, whichever of them asks first. */
const QUEUE = 'queue';
const fileOf = (out: string) => join(out, QUEUE, 'queue.json');

async function readFileOf(out: string): Promise<QueueFile> {
  const file = fileOf(out);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return { next: 0, runs: [] };
  try {
    return JSON.parse(text) as QueueFile;
  } catch (cause) {
    throw badQueueFile(shown(file), cause);
  }
}

const write = (out: string, queue: QueueFile) => atomicWrite(fileOf(out), `${JSON.stringify(queue, null, 2)}\n`);

/**
 * The runs that Slurm has, as they are now. Says of those that have failed since the last look.
 *
 * @param out absolute folder of all outputs
 * @throws MAN_REPRODUCE_QUEUE_FILE, MAN_LAUNCH_NO_SLURM, MAN_LAUNCH_SLURM
 */
export async function lookAtQueue(out: string): Promise<readonly QueuedRun[]> {
  const { next, runs } = await readFileOf(out);
  if (runs.length === 0) return [];
  const reports = await slurm().look(runs);
  const now = runs.map((run, i) => ({ ...run, report: reports[i] ?? run.report }));
  for (const { label, report, job } of now)
    if (report.state === 'failed') fact('failed', `${label}: ${withReason(report, job.log)}; ${shown(job.log)}`);
  const live = now.filter(({ report: { state } }) => state === 'waiting' || state === 'running');
  await write(out, { next, runs: live });
  return live;
}

/** Hands jobs to Slurm as one array, and writes that down. @throws MAN_LAUNCH_NO_SLURM, MAN_LAUNCH_SLURM */
export async function handOver(out: string, jobs: readonly Job[], options: SlurmOptions): Promise<readonly QueuedRun[]> {
  if (jobs.length === 0) return [];
  const { next, runs } = await readFileOf(out);
  const launched = jobs.map((job, i) => {
    const name = String(next + i);
    return trainingJob(name, wordsOf(job), resolve(out, QUEUE, `${name}.log`));
  });
  const reports = await slurm(options).submit(launched);
  const handed = jobs.flatMap(({ folder, label }, i) => {
    const [job, report] = [launched[i], reports[i]];
    return job === undefined || report === undefined ? [] : [{ folder, label, job, report }];
  });
  await write(out, { next: next + jobs.length, runs: [...runs, ...handed] });
  const id = /\d+/.exec(handed[0]?.report.place ?? '')?.[0] ?? '';
  fact('slurm', `job ${id}, ${jobs.length} in the array, which scancel ${id} ends`);
  return handed;
}

/** Looks until all are over. */
export async function watchQueue(
  runs: readonly QueuedRun[],
  options: SlurmOptions,
  settings: Pick<LaunchOptions, 'signal' | 'onChange'>,
): Promise<void> {
  await slurm(options).watch(runs, settings);
}
