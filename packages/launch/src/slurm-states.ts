import { readFile } from 'node:fs/promises';
import type { JobReport, JobState } from './launcher.ts';
import { slurmCommand } from './slurm-command.ts';

/** Slurm's state of each task, by `17_3`: one of its words in capitals. */
export type TaskStates = ReadonlyMap<string, string>;

/** The states of all tasks of this user that the controller remembers: those that wait or run, and those that ended in the last minutes. */
export async function queueStates(): Promise<TaskStates> {
  return readStates(await slurmCommand('squeue', ['--me', '--array', '--noheader', '--states=all', '--format=%i|%T']));
}

/** The states of tasks that the controller has forgotten, from the accounts; none where a cluster keeps no accounts. */
export async function accountStates(jobs: readonly string[]): Promise<TaskStates> {
  if (jobs.length === 0) return new Map();
  const args = ['--noheader', '--parsable2', '--allocations', `--jobs=${jobs.join(',')}`, '--format=JobID,State'];
  return readStates(await slurmCommand('sacct', args).catch(() => ''));
}

/** Lines of the form `17_3|CANCELLED by 0`. */
function readStates(text: string): TaskStates {
  const pairs = text.split('\n').flatMap((line) => {
    const [task, state] = line.trim().split('|');
    return task === undefined || state === undefined ? [] : [[task, state.split(' ')[0] as string] as const];
  });
  return new Map(pairs);
}

/** States in which a task is still to come, or to come again. */
const WAITING_STATES = ['PENDING', 'REQUEUED', 'REQUEUE_FED', 'REQUEUE_HOLD', 'SPECIAL_EXIT', 'RESV_DEL_HOLD', 'CONFIGURING'];
const RUNNING_STATES = ['RUNNING', 'COMPLETING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'STAGE_OUT', 'RESIZING'];

/** Whether a task waits or runs; null when it is over. */
export function liveState(state: string | undefined): Extract<JobState, 'waiting' | 'running'> | null {
  if (state === undefined) return null;
  if (WAITING_STATES.includes(state)) return 'waiting';
  return RUNNING_STATES.includes(state) ? 'running' : null;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  BOOT_FAIL: 'its node could not be started',
  DEADLINE: 'was ended at its deadline',
  NODE_FAIL: 'its node was lost',
  OUT_OF_MEMORY: 'was ended for using more memory than it had asked for',
  PREEMPTED: 'was preempted, and not handed in again',
  TIMEOUT: 'was ended at its time limit',
};

/**
 * How a task that is over has ended.
 *
 * @param state Slurm's word; undefined where nobody remembers
 * @param exitCode what its script wrote down; null where it was ended before it could
 */
export function ending(state: string | undefined, exitCode: number | null): Omit<JobReport, 'place'> {
  if (exitCode === 0 || state === 'COMPLETED') return { state: 'done', exitCode: 0, problem: null };
  if (state === 'CANCELLED') return { state: 'stopped', exitCode, problem: 'was cancelled' };
  const said = state === undefined ? undefined : PROBLEMS[state];
  if (said !== undefined) return { state: 'failed', exitCode, problem: said };
  if (exitCode !== null) return { state: 'failed', exitCode, problem: `ended with exit code ${exitCode}` };
  return { state: 'failed', exitCode, problem: 'has left the queue without an exit code: it was cancelled, or its node was lost' };
}

/** The exit code that a script wrote; null where it wrote none. */
export async function readExitCode(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d{1,3}\n$/.test(text) ? Number(text) : null;
}
