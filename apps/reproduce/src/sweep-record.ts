import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { JobReport, JobState } from '@man/launch';
import { atomicWrite } from '@man/track';
import { badSweepFile, noSweepFolder } from './errors.ts';

/** A run of a sweep, with what became of it. */
export interface SweepRun {
  /** Its number, and the name of its folder: `'0'`. */
  readonly name: string;
  /** All overrides it is trained with, but where its folder is. */
  readonly overrides: readonly string[];
  /** Those that tell it from the other runs. */
  readonly varied: readonly string[];
  readonly state: JobState;
  readonly exitCode: number | null;
  readonly problem: string | null;
  readonly place: string | null;
  /** ISO 8601, UTC; of the last attempt. */
  readonly started: string | null;
  readonly ended: string | null;
}

/** `sweep.json`: what a sweep is, and how its runs are. */
export interface SweepRecord {
  readonly version: 1;
  /** What was typed behind `train -m`. */
  readonly typed: readonly string[];
  /** What of it says how the sweep runs. */
  readonly how: readonly string[];
  readonly launcher: string;
  readonly started: string;
  /** The folder all runs are run in, from which they read what is typed as a relative path. */
  readonly cwd: string;
  /** The process that looks after it; null where none does. */
  readonly owner: { readonly host: string; readonly pid: number } | null;
  readonly runs: readonly SweepRun[];
}

/** In the folder of a sweep. */
export const SWEEP_FILE = 'sweep.json';

/** A run that has not begun. */
export function waitingRun(name: string, overrides: readonly string[], varied: readonly string[]): SweepRun {
  return { name, overrides, varied, state: 'waiting', exitCode: null, problem: null, place: null, started: null, ended: null };
}

/** The run behind a report of its launcher. */
export function reported(run: SweepRun, { state, exitCode, problem, place }: JobReport, now = new Date()): SweepRun {
  const time = now.toISOString();
  const begins = { started: time, ended: null };
  const ends = { ended: run.started === null ? null : time };
  return {
    ...run,
    state,
    exitCode,
    problem,
    place,
    ...({ waiting: { started: null, ended: null }, running: begins }[state as 'running'] ?? ends),
  };
}

/** Whether somebody looks after a sweep. A process on another machine cannot be asked, and counts as one that does. */
export function isOwned({ owner }: Pick<SweepRecord, 'owner'>): boolean {
  if (owner === null || (owner.host === hostname() && owner.pid === process.pid)) return false;
  if (owner.host !== hostname()) return true;
  try {
    return process.kill(owner.pid, 0);
  } catch (error) {
    // Not ours to signal, but there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** This process, as the owner of a sweep. */
export const thisProcess = () => ({ host: hostname(), pid: process.pid });

/** Keeps `sweep.json` as the runs change. */
export interface SweepKeeper {
  readonly record: SweepRecord;
  /** Takes over a run that has changed; the file follows. */
  change(run: SweepRun): void;
  /** Says that nobody looks after it any more. */
  release(): void;
  /** Waits until the file is written. @throws MAN_TRACK_WRITE_FAILED where its last state could not be written */
  flush(): Promise<void>;
}

/** Writes the record, and again at each change: whole, one after the other, so that whoever reads it reads a state that was. */
export async function keepRecord(folder: string, first: SweepRecord): Promise<SweepKeeper> {
  let record = first;
  let written = writeRecord(folder, record);
  await written;
  const change = (latest: SweepRecord) => {
    record = latest;
    // What could not be written, such as on a full disk, is written with the next change.
    written = written.catch(() => {}).then(() => writeRecord(folder, latest));
    written.catch(() => {});
  };
  return {
    get record() {
      return record;
    },
    change: (run) => change({ ...record, runs: record.runs.map((each) => (each.name === run.name ? run : each)) }),
    release: () => change({ ...record, owner: null }),
    flush: () => written,
  };
}

/** @throws MAN_TRACK_WRITE_FAILED */
export const writeRecord = (folder: string, record: SweepRecord) =>
  atomicWrite(join(folder, SWEEP_FILE), `${JSON.stringify(record, null, 2)}\n`);

/**
 * Reads `sweep.json`.
 *
 * @throws MAN_REPRODUCE_NOT_A_SWEEP, MAN_REPRODUCE_SWEEP_FILE
 */
export async function readRecord(folder: string): Promise<SweepRecord> {
  const text = await readFile(join(folder, SWEEP_FILE), 'utf8').catch((cause: unknown) => {
    throw noSweepFolder(folder, cause);
  });
  const record = attempt(() => JSON.parse(text) as unknown);
  const wrong = problemOf(record);
  if (wrong !== null) throw badSweepFile(join(folder, SWEEP_FILE), wrong);
  return record as SweepRecord;
}

function problemOf(record: unknown): string | null {
  if (!isObject(record)) return 'it is not JSON with an object';
  if (record.version !== 1) return `expected version 1, got ${JSON.stringify(record.version)}`;
  const { typed, how, launcher, started, cwd, owner } = record;
  if (!(isTexts(typed) && isTexts(how) && [launcher, started, cwd].every(isText) && isOwner(owner))) return 'a member is missing';
  if (!Array.isArray(record.runs)) return 'expected a list of runs';
  const index = record.runs.findIndex((run, i) => !isRun(run, i));
  return index === -1 ? null : `runs[${index}] is no run`;
}

const isOwner = (owner: unknown) => owner === null || (isObject(owner) && isText(owner.host) && Number.isSafeInteger(owner.pid));

const STATES: readonly unknown[] = ['waiting', 'running', 'done', 'failed', 'stopped'] satisfies JobState[];

function isRun(run: unknown, index: number): boolean {
  if (!isObject(run)) return false;
  const { name, overrides, varied, state, exitCode, problem, place, started, ended } = run;
  const texts = [problem, place, started, ended];
  return (
    // Names become paths.
    name === String(index) &&
    isTexts(overrides) &&
    isTexts(varied) &&
    STATES.includes(state) &&
    (exitCode === null || typeof exitCode === 'number') &&
    texts.every((text) => text === null || isText(text))
  );
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string';
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

function attempt<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch {
    return undefined;
  }
}
