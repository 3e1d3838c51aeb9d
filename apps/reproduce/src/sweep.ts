import { resolve } from 'node:path';
import { parseOverride } from '@man/config';
import { textTable } from '@man/track';
import { loadSweepConfig } from './configuration.ts';
import { notHow, sweepOwned, sweepQueued } from './errors.ts';
import { makeRunFolder, shown } from './run-folder.ts';
import type { SweepConfig } from './schema/index.ts';
import { isHow, planSweep } from './sweep-plan.ts';
import { isQueued, lookAgain } from './sweep-queue.ts';
import { isOwned, keepRecord, readRecord, type SweepRecord, type SweepRun, thisProcess, waitingRun } from './sweep-record.ts';
import { runSweep } from './sweep-run.ts';
import { fact } from './terminal.ts';

/** Options of {@link sweep}. */
export interface SweepOptions {
  readonly json: boolean;
  /** Whether the runs are only listed. */
  readonly dry: boolean;
}

/**
 * `man-reproduce train -m`: many runs, each in a process and a folder of its own, and a page about all.
 *
 * @returns the exit code: 0; 1 when a run failed; 130 or 143 when it was stopped
 */
export async function sweep(words: readonly string[], options: SweepOptions): Promise<number> {
  const { jobs, typed, how, config } = await planSweep(words);
  const runs = jobs.map(({ overrides, varied }, i) => waitingRun(String(i), overrides, varied));
  if (options.dry) return list(runs, options.json);
  const folder = await makeRunFolder({ ...config.sweep, name: null });
  const about = { launcher: config.launcher.type, started: new Date().toISOString(), cwd: process.cwd(), owner: thisProcess() };
  return begin(folder, { version: 1, typed, how, ...about, runs }, config, options);
}

/**
 * `man-reproduce train --resume`: runs of a sweep that are not done go on from their checkpoints, or begin.
 *
 * @param words how they are run, where that is to be another way: `launcher=processes`
 * @throws MAN_REPRODUCE_NOT_A_SWEEP, MAN_REPRODUCE_SWEEP_FILE, MAN_REPRODUCE_SWEEP, MAN_REPRODUCE_SWEEP_OWNED
 */
export async function resumeSweep(typed: string, words: readonly string[], options: SweepOptions): Promise<number> {
  const folder = resolve(typed);
  const read = await readRecord(folder);
  const other = words.find((word) => word.startsWith('@') || !isHow(word));
  if (other !== undefined) throw notHow(other);
  if (isOwned(read)) throw sweepOwned(typed, read.owner);
  // Another launcher has other keys.
  const isOther = words.some((word) => parseOverride(word).key === 'launcher');
  const how = [...read.how.filter((word) => !(isOther && /^launcher\b/.test(parseOverride(word).key))), ...words];
  const { config } = loadSweepConfig(how);
  const record = { ...(await lookAgain(folder, read)), how, launcher: config.launcher.type, owner: thisProcess() };
  if (options.dry) return list(missing(record), options.json);
  const queued = record.runs.filter(isQueued);
  if (config.launcher.type !== 'slurm' && queued.length > 0) throw sweepQueued(typed, queued.length);
  return begin(folder, record, config, options);
}

const missing = ({ runs }: SweepRecord) => runs.filter(({ state }) => state !== 'done');

async function begin(folder: string, record: SweepRecord, config: SweepConfig, options: SweepOptions): Promise<number> {
  const [all, left] = [record.runs.length, missing(record).length];
  fact(
    'sweep',
    `${all} ${all === 1 ? 'run' : 'runs'}${left === all ? '' : `, ${left} of them not done yet`}; ${launcherText(config, left)}`,
  );
  fact('folder', shown(folder));
  return runSweep(folder, await keepRecord(folder, record), config, options);
}

function launcherText({ launcher }: SweepConfig, runs: number): string {
  if (launcher.type === 'slurm') return 'by Slurm';
  return launcher.type === 'processes' ? `${Math.min(launcher.jobs, runs)} side by side` : 'one after the other';
}

function list(runs: readonly SweepRun[], json: boolean): number {
  const table = () =>
    textTable(runs, [
      { heading: 'run', value: ({ name }) => Number(name) },
      { heading: 'overrides', value: ({ overrides }) => overrides.join(' ') },
    ]);
  process.stdout.write(`${json ? JSON.stringify(runs) : table()}\n`);
  return 0;
}
