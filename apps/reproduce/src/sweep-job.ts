import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, JobReport, QueuedJob } from '@man/launch';
import type { SweepRun } from './sweep-record.ts';
import { quoted } from './worker.ts';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));

/** What launchers are given: a command that may be run again at any time, and then goes on. */
export function jobOf(folder: string, { name, overrides }: SweepRun): Job {
  const words = ['train', '--continue', ...overrides, `run.dir=${quoted(join(folder, name))}`];
  return { name, command: [process.execPath, ...process.execArgv, PROGRAM, ...words], log: join(folder, `${name}.log`) };
}

/** A run as its launcher left it. */
export function queuedJob(folder: string, run: SweepRun): QueuedJob {
  const { state, exitCode, problem, place } = run;
  return { job: jobOf(folder, run), report: { state, exitCode, problem, place } satisfies JobReport };
}
