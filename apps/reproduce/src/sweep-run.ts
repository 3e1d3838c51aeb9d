import { join } from 'node:path';
import { type Job, type JobReport, type LaunchOptions, processes, serial, slurm } from '@man/launch';
import { shown } from './run-folder.ts';
import type { SweepConfig } from './schema/index.ts';
import { listenForStop, type Stop } from './stop.ts';
import { follow } from './sweep-follow.ts';
import { jobOf, queuedJob } from './sweep-job.ts';
import { isQueued } from './sweep-queue.ts';
import type { SweepKeeper } from './sweep-record.ts';
import { readResults, reportSweep } from './sweep-report.ts';
import { fact, notice } from './terminal.ts';

/**
 * Runs what is not done yet, and reports.
 *
 * @returns the exit code: 0; 1 when a run failed; 130 or 143 when it was stopped
 */
export async function runSweep(
  folder: string,
  keeper: SweepKeeper,
  { launcher }: SweepConfig,
  { json }: { readonly json: boolean },
): Promise<number> {
  const kill = new AbortController();
  const stop = listenForStop(() => kill.abort());
  const followed = follow({ now: () => keeper.record, change: keeper.change, folderOf: (name) => join(folder, name) });
  const { onChange } = followed;
  try {
    await launchMissing(folder, keeper, launcher, { signal: stop.signal, kill: kill.signal, cwd: keeper.record.cwd, onChange });
  } finally {
    await followed.end();
    stop.dispose();
    keeper.release();
    await keeper.flush();
  }
  return conclude(folder, keeper, stop, json);
}

async function launchMissing(
  folder: string,
  { record }: SweepKeeper,
  launcher: SweepConfig['launcher'],
  options: LaunchOptions,
): Promise<void> {
  const missing = record.runs.filter((run) => run.state !== 'done' && !isQueued(run));
  const jobs = missing.map((run) => jobOf(folder, run));
  if (launcher.type === 'serial') await serial().launch(jobs, options);
  else if (launcher.type === 'processes') await processes(launcher).launch(jobs, options);
  else {
    const queue = slurm(launcher);
    const reports = await queue.submit(jobs, options);
    for (const [i, report] of reports.entries()) options.onChange?.(jobs[i] as Job, report);
    if (reports[0] !== undefined) fact('slurm', `job ${/\d+/.exec(reports[0].place ?? '')?.[0] ?? ''}, ${jobs.length} in the array`);
    const queued = [
      ...record.runs.filter(isQueued).map((run) => queuedJob(folder, run)),
      ...jobs.map((job, i) => ({ job, report: reports[i] as JobReport })),
    ];
    if (launcher.wait) await queue.watch(queued, options);
  }
}

async function conclude(folder: string, { record }: SweepKeeper, stop: Stop, json: boolean): Promise<number> {
  const queued = record.runs.filter(isQueued).length;
  const looking = `man-reproduce sweep status ${shown(folder)}`;
  if (queued === record.runs.length) {
    notice(`${queued} ${queued === 1 ? 'run is' : 'runs are'} in the queue of Slurm: ${looking}`);
    return stop.exitCode();
  }
  const count = (state: string) => record.runs.filter((run) => run.state === state).length;
  for (const { name, state } of record.runs) if (state === 'failed') fact('failed', `run ${name}: ${shown(join(folder, `${name}.log`))}`);
  const table = await reportSweep(folder, record);
  process.stdout.write(json ? `${JSON.stringify({ ...record, folder, runs: await readResults(folder, record) })}\n` : `\n${table}\n`);
  if (queued > 0) notice(`${queued} ${queued === 1 ? 'run is' : 'runs are'} still in the queue of Slurm: ${looking}`);
  else if (stop.signal.aborted)
    notice(`Stopped: ${count('done')} of ${record.runs.length} runs are done. The others: man-reproduce train --resume ${shown(folder)}`);
  if (stop.signal.aborted) return stop.exitCode();
  return count('failed') + count('stopped') > 0 ? 1 : 0;
}
