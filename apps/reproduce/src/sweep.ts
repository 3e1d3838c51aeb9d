import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Job, type Launcher, processes, serial } from '@man/launch';
import { formatPercent, textTable } from '@man/track';
import { makeRunFolder, shown } from './run-folder.ts';
import type { SweepConfig } from './schema/index.ts';
import { listenForStop, type Stop } from './stop.ts';
import { planSweep, type SweepPlan } from './sweep-plan.ts';
import { sweepProgress } from './sweep-progress.ts';
import { keepRecord, reported, type SweepKeeper, type SweepRun, waitingRun } from './sweep-record.ts';
import { readResult, readResults, reportSweep } from './sweep-report.ts';
import { fact, notice } from './terminal.ts';
import { quoted } from './worker.ts';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));

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
export async function sweep(words: readonly string[], { json, dry }: SweepOptions): Promise<number> {
  const plan = await planSweep(words);
  const runs = plan.jobs.map(({ overrides, varied }, i) => waitingRun(String(i), overrides, varied));
  if (dry) {
    process.stdout.write(json ? `${JSON.stringify(runs)}\n` : `${listOf(runs)}\n`);
    return 0;
  }
  const folder = await makeRunFolder({ ...plan.config.sweep, name: null });
  fact('sweep', `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${launcherText(plan)}`);
  fact('folder', shown(folder));
  const record = { version: 1 as const, typed: plan.typed, launcher: plan.config.launcher.type, started: new Date().toISOString(), runs };
  return runSweep(folder, await keepRecord(folder, record), launcherOf(plan.config), { json });
}

function listOf(runs: readonly SweepRun[]): string {
  return textTable(runs, [
    { heading: 'run', value: ({ name }) => Number(name) },
    { heading: 'overrides', value: ({ overrides }) => overrides.join(' ') },
  ]);
}

function launcherText({ config: { launcher }, jobs }: SweepPlan): string {
  return launcher.type === 'processes' ? `${Math.min(launcher.jobs, jobs.length)} side by side` : 'one after the other';
}

function launcherOf({ launcher }: SweepConfig): Launcher {
  return launcher.type === 'processes' ? processes(launcher) : serial();
}

/** Runs what is not done yet, and reports. */
async function runSweep(folder: string, keeper: SweepKeeper, launcher: Launcher, { json }: { readonly json: boolean }): Promise<number> {
  const kill = new AbortController();
  const stop = listenForStop(() => kill.abort());
  const progress = sweepProgress(folder, keeper.record);
  const timer = setInterval(() => void progress.tick(keeper.record), 1000);
  try {
    const wanted = keeper.record.runs.filter(({ state }) => state !== 'done');
    // One after the other, in the order in which things happened.
    let told = Promise.resolve();
    await launcher.launch(
      wanted.map((run) => jobOf(folder, run)),
      {
        signal: stop.signal,
        kill: kill.signal,
        onChange: ({ name, log }, report) => {
          const before = keeper.record.runs[Number(name)] as SweepRun;
          const problem =
            report.state === 'failed' ? [report.problem, reasonIn(log)].filter((part) => part !== null).join(': ') : report.problem;
          const run = reported(before, { ...report, problem });
          keeper.change(run);
          const { record } = keeper;
          told = told.then(async () => progress.changed(run, record, await resultText(folder, run)));
        },
      },
    );
    await told;
  } finally {
    clearInterval(timer);
    stop.dispose();
  }
  await keeper.flush();
  return conclude(folder, keeper, stop, json);
}

async function conclude(folder: string, { record }: SweepKeeper, stop: Stop, json: boolean): Promise<number> {
  const failed = record.runs.filter(({ state }) => state === 'failed');
  for (const { name } of failed) fact('failed', `run ${name}: ${shown(join(folder, `${name}.log`))}`);
  const table = await reportSweep(folder, record);
  process.stdout.write(json ? `${JSON.stringify({ ...record, folder, runs: await readResults(folder, record) })}\n` : `\n${table}\n`);
  if (stop.signal.aborted) {
    notice(`Stopped: ${record.runs.filter(({ state }) => state === 'done').length} of ${record.runs.length} runs are done.`);
    return stop.exitCode();
  }
  return failed.length > 0 ? 1 : 0;
}

function jobOf(folder: string, { name, overrides }: SweepRun): Job {
  const place = `run.dir=${quoted(join(folder, name))}`;
  return {
    name,
    command: [process.execPath, ...process.execArgv, PROGRAM, 'train', ...overrides, place],
    log: join(folder, `${name}.log`),
  };
}

async function resultText(folder: string, { name, state }: SweepRun): Promise<string> {
  const error = state === 'running' ? null : ((await readResult(folder, name).catch(() => null))?.final.testError ?? null);
  return error === null ? '' : `test error ${formatPercent(error)}`;
}

/** The error that a run printed last; null where it printed none. */
function reasonIn(log: string): string | null {
  try {
    const descriptor = openSync(log, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const tail = Buffer.alloc(Math.min(size, 1 << 14));
      readSync(descriptor, tail, 0, tail.length, size - tail.length);
      return [...tail.toString('utf8').matchAll(/^error: (.*)$/gm)].at(-1)?.[1] ?? null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}
