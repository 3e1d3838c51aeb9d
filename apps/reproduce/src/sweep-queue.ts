import { type QueueLauncher, slurm } from '@man/launch';
import { queuedJob } from './sweep-job.ts';
import { reported, type SweepRecord, type SweepRun } from './sweep-record.ts';

/** Whether a run was handed to Slurm, and was not over when it was last looked at. */
export const isQueued = ({ state, place }: SweepRun): boolean =>
  place?.startsWith('Slurm ') === true && (state === 'waiting' || state === 'running');

/** The sweep with the runs of a queue as they are now. */
export async function lookAgain(folder: string, record: SweepRecord): Promise<SweepRecord> {
  if (!record.runs.some(isQueued)) return record;
  const reports = await slurm().look(record.runs.map((run) => queuedJob(folder, run)));
  const runs = record.runs.map((run, i) =>
    reports[i]?.state === run.state ? run : reported(run, reports[i] ?? queuedJob(folder, run).report),
  );
  return { ...record, runs };
}

/** Ends the runs that a queue has. */
export async function cancelQueued(folder: string, record: SweepRecord, launcher: QueueLauncher = slurm()): Promise<number> {
  const queued = record.runs.filter(isQueued);
  await launcher.cancel(queued.map((run) => queuedJob(folder, run)));
  return queued.length;
}
