import type { ManError } from '@man/base';
import { notice, paint } from '../terminal.ts';
import { startWorker, type Worker } from '../worker.ts';
import { commandOf, type Job, stateOf, tidy } from './job.ts';

/** What a launcher is told besides the jobs. */
export interface LaunchOptions {
  /** Ends the running job after its step, and starts no other. */
  readonly signal: AbortSignal;
}

/**
 * Does jobs that have no result yet, each in a process of its own; what they leave is in their folders. A job that fails does not stop the
 * others.
 *
 * @returns why jobs have no result, by their folder
 */
export type Launch = (jobs: readonly Job[], options: LaunchOptions) => Promise<ReadonlyMap<string, string>>;

/** One job after the other, on this machine. */
export function serially(onStart: (worker: Worker) => void): Launch {
  return async (jobs, { signal }) => {
    const problems = new Map<string, string>();
    for (const [i, job] of jobs.entries()) {
      if (signal.aborted) break;
      notice(paint.bold(`\n${i + 1} of ${jobs.length}: ${job.label}`));
      const worker = startWorker(job.label, await commandOf(job, await stateOf(job)));
      onStart(worker);
      // Ctrl-C may have come between two jobs.
      if (signal.aborted) worker.stop();
      await worker.result.catch((error: ManError) => {
        notice(error.describe());
        problems.set(job.folder, error.message);
      });
      if (!problems.has(job.folder) && (await stateOf(job)).state === 'finished') await tidy(job);
    }
    return problems;
  };
}
