import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, JobReport, QueuedJob } from '@man/launch';
import type { SweepRun } from './sweep-record.ts';
import { quoted } from './worker.ts';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));

/** What launchers are given: a command that may be run again at any time, and then goes on. */
export function jobOf(folder: string, { name, overrides }: SweepRun): Job {
  return trainingJob(name, [...overrides, `run.dir=${quoted(join(folder, name))}`], join(folder, `${name}.log`));
}

/** The same for a run in any place, which `run.dir` among the overrides names. */
export function trainingJob(name: string, overrides: readonly string[], log: string): Job {
  return { name, command: [process.execPath, ...process.execArgv, PROGRAM, 'train', '--continue', ...overrides], log };
}

/** A run as its launcher left it. */
export function queuedJob(folder: string, run: SweepRun): QueuedJob {
  const { state, exitCode, problem, place } = run;
  return { job: jobOf(folder, run), report: { state, exitCode, problem, place } satisfies JobReport };
}

/** Why a run failed, with the error that it printed last. */
export function withReason({ state, problem }: JobReport, log: string): string | null {
  if (state !== 'failed') return problem;
  return [problem, lastError(log)].filter((part) => part !== null).join(': ');
}

function lastError(log: string): string | null {
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
