import { join } from 'node:path';
import type { Job, JobReport } from '@man/launch';
import { formatPercent } from '@man/track';
import { withReason } from './sweep-job.ts';
import { type Runs, sweepProgress } from './sweep-progress.ts';
import { reported, type SweepRun } from './sweep-record.ts';
import { readResult } from './sweep-report.ts';
import { isTerminal } from './terminal.ts';

/** Runs that are launched, and who keeps them. */
export interface Followed {
  now(): Runs;
  /** Takes over a run that has changed. */
  change(run: SweepRun): void;
  /** Where a run is, by its name. */
  folderOf(name: string): string;
}

/** Looks after runs that are launched. */
export interface Follower {
  /** What launchers tell of changes. */
  onChange(job: Job, report: JobReport): void;
  /** Resolves when everything has been told. */
  end(): Promise<void>;
}

/** Tells people of runs as they begin and end, and how far they are meanwhile. */
export function follow({ now, change, folderOf }: Followed): Follower {
  const progress = sweepProgress((name) => join(folderOf(name), 'events.jsonl'), now());
  const timer = setInterval(() => void progress.tick(now()), isTerminal ? 1000 : 10_000);
  // One after the other, in the order in which things happened.
  let told = Promise.resolve();
  return {
    onChange({ name, log }, report) {
      const before = now().runs.find((run) => run.name === name) as SweepRun;
      const run = reported(before, { ...report, problem: withReason(report, log) });
      change(run);
      const all = now();
      // What a queue takes is told of all at once.
      if (run.state === 'waiting' && before.state === 'waiting') return;
      told = told.then(async () => progress.changed(run, all, await resultText(folderOf(name), run)));
    },
    async end() {
      clearInterval(timer);
      await told;
    },
  };
}

async function resultText(folder: string, { state }: SweepRun): Promise<string> {
  const error = state === 'done' ? ((await readResult(folder).catch(() => null))?.final.testError ?? null) : null;
  return error === null ? '' : `test error ${formatPercent(error)}`;
}
