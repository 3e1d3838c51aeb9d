import { open } from 'node:fs/promises';
import { formatDuration } from '@man/track';
import type { SweepRun } from './sweep-record.ts';
import { isTerminal, notice, paint, passing } from './terminal.ts';

/** Runs, as they are now. */
export interface Runs {
  readonly runs: readonly SweepRun[];
}

/** Shows runs while they run. */
export interface SweepProgress {
  /** Tells of a run that has begun or ended. */
  changed(run: SweepRun, now: Runs, result: string): void;
  /** Looks how far the running ones are, and redraws. */
  tick(now: Runs): Promise<void>;
}

/**
 * Lines for people: one for each run that begins or ends; on a terminal also one that is redrawn, with how far the running ones are and the
 * time left.
 *
 * @param eventsOf the event file of a run, by its name
 */
export function sweepProgress(eventsOf: (name: string) => string, first: Runs, now: () => number = () => performance.now()): SweepProgress {
  const began = now();
  const before = workDone(first, new Map());
  const shares = new Map<string, number>();
  const left = (record: Runs) =>
    timeLeft({ total: record.runs.length, before, done: workDone(record, shares), seconds: (now() - began) / 1000 });
  const show = (record: Runs) => {
    if (isTerminal) passing(cut(statusLine(record, shares, left(record)), process.stderr.columns ?? 80));
  };
  return {
    changed(run, record, result) {
      if (isTerminal) passing('');
      notice(`${eventLine(run, record, result)}${run.state === 'running' ? '' : leftText(record, left(record))}`);
      show(record);
    },
    async tick(record) {
      for (const { name, state } of record.runs) {
        if (state !== 'running') continue;
        const share = await shareOf(eventsOf(name));
        if (share !== null) shares.set(name, share);
      }
      show(record);
    },
  };
}

const over = ({ state }: SweepRun) => state !== 'waiting' && state !== 'running';

/** Runs that are over, and parts of running ones. A failed run is one less to come, however far it was. */
function workDone({ runs }: Runs, shares: ReadonlyMap<string, number>): number {
  return runs.reduce((sum, run) => sum + (over(run) ? 1 : run.state === 'running' ? (shares.get(run.name) ?? 0) : 0), 0);
}

/**
 * Seconds until all runs are over, if they go on as since this began; null where that cannot be told yet.
 *
 * @param work runs in all, runs that were over before, runs and parts of runs that are over now
 */
export function timeLeft(work: {
  readonly total: number;
  readonly before: number;
  readonly done: number;
  readonly seconds: number;
}): number | null {
  const since = work.done - work.before;
  return since <= 0 ? null : ((work.total - work.done) * work.seconds) / since;
}

function eventLine(run: SweepRun, { runs }: Runs, result: string): string {
  const colour = { done: paint.green, failed: paint.red, stopped: paint.yellow, running: paint.dim, waiting: paint.dim }[run.state];
  const what = run.varied.join(' ') || 'as typed';
  const told = [result, run.problem, run.state === 'running' ? null : durationOf(run)].filter((part) => part !== null && part !== '');
  return `${colour(run.state.padEnd(8))} ${run.name.padStart(String(runs.length - 1).length)}  ${what}${told.length === 0 ? '' : `: ${told.join(', ')}`}`;
}

/** How long a run has taken; null where it never began. */
export function durationOf({ started, ended }: SweepRun): string | null {
  return started === null || ended === null ? null : formatDuration((Date.parse(ended) - Date.parse(started)) / 1000);
}

function leftText({ runs }: Runs, seconds: number | null): string {
  const count = runs.filter((run) => !over(run)).length;
  return count === 0 ? '' : `; ${count} to go${seconds === null ? '' : `, about ${formatDuration(seconds)}`}`;
}

function statusLine(record: Runs, shares: ReadonlyMap<string, number>, seconds: number | null): string {
  const { runs } = record;
  const count = (state: string) => runs.filter((run) => run.state === state).length;
  const failed = count('failed') === 0 ? '' : `, ${count('failed')} failed`;
  const running = runs
    .filter(({ state }) => state === 'running')
    .map(({ name, varied }) => `${name} ${varied.join(' ')} ${Math.floor(100 * (shares.get(name) ?? 0))} %`.replace('  ', ' '));
  return (
    [`${count('done')} of ${runs.length} done${failed}`, ...running].join(' · ') +
    leftText(record, seconds).replace(/^; \d+ to go/, ' · to go')
  );
}

const cut = (line: string, columns: number): string => (line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`);

const CHUNK_BYTES = 1 << 16;

/** How much of its steps a run has taken, 0 … 1, from both ends of its event file; null where it does not say. */
export async function shareOf(file: string): Promise<number | null> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    const read = async (position: number) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
      return buffer.toString('utf8', 0, bytesRead).split('\n');
    };
    const [first = ''] = await read(0);
    const lines = await read(Math.max(0, size - CHUNK_BYTES));
    const planned = numberIn(first, 'plannedSteps');
    const step = lines.map((line) => (line.startsWith('{"type":"step"') ? numberIn(line, 'step') : null)).findLast((each) => each !== null);
    return planned === null || step === undefined || step === null ? null : Math.min(1, step / planned);
  } finally {
    await handle.close();
  }
}

/** A number of a line, which may be cut off behind it. */
function numberIn(line: string, key: string): number | null {
  const found = new RegExp(`"${key}":(\\d+)[,}]`).exec(line)?.[1];
  return found === undefined ? null : Number(found);
}
