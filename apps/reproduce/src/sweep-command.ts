import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { formatPercent, textTable } from '@man/track';
import { sweepOwned } from './errors.ts';
import { durationOf, shareOf } from './sweep-progress.ts';
import { cancelQueued, lookAgain } from './sweep-queue.ts';
import { isOwned, readRecord, type SweepRecord, type SweepRun, writeRecord } from './sweep-record.ts';
import { type FinishedRun, readResults, reportSweep } from './sweep-report.ts';
import { notice } from './terminal.ts';

/** Looks how the runs are now, and writes it down unless a process that looks after them does. */
async function refreshed(folder: string): Promise<SweepRecord> {
  const record = await readRecord(folder);
  const now = await lookAgain(folder, record);
  if (now !== record && !isOwned(record)) await writeRecord(folder, now);
  return now;
}

/**
 * `man-reproduce sweep status`: how the runs of a sweep are.
 *
 * @returns the exit code
 */
export async function sweepStatus(typed: string, { json }: { readonly json: boolean }): Promise<number> {
  const folder = resolve(typed);
  const record = await refreshed(folder);
  const runs = await Promise.all((await readResults(folder, record)).map(async (run) => ({ ...run, share: await shareDone(folder, run) })));
  if (json) process.stdout.write(`${JSON.stringify({ ...record, runs: runs.map(({ summary, ...run }) => run) })}\n`);
  else process.stdout.write(`${statusTable(runs)}\n`);
  if (!isOwned(record) && runs.some((run) => run.state === 'running' && run.place?.startsWith('process') === true))
    notice(`Nobody looks after this sweep any more; what is missing: man-reproduce train --resume ${typed}`);
  return 0;
}

async function shareDone(folder: string, { name, state }: SweepRun): Promise<number | null> {
  return state === 'running' ? shareOf(join(folder, name, 'events.jsonl')) : null;
}

function statusTable(runs: readonly (FinishedRun & { readonly share: number | null })[]): string {
  const error = (value: number | null | undefined) => (value === null || value === undefined ? null : formatPercent(value));
  return textTable(runs, [
    { heading: 'run', value: ({ name }) => Number(name) },
    { heading: 'what varies', value: ({ varied }) => varied.join(' ') },
    { heading: 'state', value: ({ state, share }) => (share === null ? state : `${state}, ${Math.floor(100 * share)} %`) },
    { heading: 'test error', value: ({ summary }) => error(summary?.final.testError), align: 'right' },
    { heading: 'took', value: (run) => durationOf(run), align: 'right' },
    { heading: 'where, and why', value: ({ place, problem }) => [place, problem].filter((part) => part !== null).join(': ') || null },
  ]);
}

/**
 * `man-reproduce sweep cancel`: ends the runs of a sweep; each writes what it has, and can go on later.
 *
 * @returns the exit code
 * @throws MAN_REPRODUCE_SWEEP_OWNED where it is run by another machine
 */
export async function sweepCancel(typed: string): Promise<number> {
  const folder = resolve(typed);
  const record = await refreshed(folder);
  const cancelled = await cancelQueued(folder, record);
  const isRun = isOwned(record) && record.launcher !== 'slurm';
  if (isRun && record.owner !== null) {
    if (record.owner.host !== hostname()) throw sweepOwned(typed, record.owner);
    process.kill(record.owner.pid, 'SIGTERM');
  }
  if (isRun) notice('Told the process that runs it to stop.');
  else notice(cancelled === 0 ? 'Nothing waits or runs.' : `Cancelled ${cancelled} ${cancelled === 1 ? 'run' : 'runs'}.`);
  return 0;
}

/**
 * `man-reproduce sweep report`: the table and the page, about what there is.
 *
 * @returns the exit code
 */
export async function sweepReport(typed: string): Promise<number> {
  const folder = resolve(typed);
  process.stdout.write(`${await reportSweep(folder, await refreshed(folder))}\n`);
  return 0;
}
