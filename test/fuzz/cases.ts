import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, isManError, type Rng } from '@man/base';

/** Something that reads what nobody vouches for. */
export interface Reader {
  readonly name: string;
  /** Codes of the errors that it may throw. */
  readonly codes: RegExp;
  /** What the process may grow by at its peak, in MB: what the reader's own limits allow, and some for the runtime. */
  readonly megabytes: number;
  /** Makes one case, with `folder` to itself, and reads it: a value or an error. */
  attempt(rng: Rng, folder: string): Promise<void>;
}

/** Processor time of one case at most: beyond it is what users call hanging. */
const MAX_CPU_SECONDS = 10;
/** For what waits without calculating. */
const MAX_WALL_MS = 600_000;

/** What became of the cases. */
export interface Outcome {
  /** Cases that gave a value. */
  readonly values: number;
  readonly errors: number;
}

/**
 * Runs cases, each from a stream of its own, so that one can be run again by its number.
 *
 * @throws Error that names the reader and the case, for an error without a code, a case that takes too long, a file outside its folder, or
 * memory beyond the limit
 */
export async function runCases(reader: Reader, count: number, seed = 'fuzz', first = 0): Promise<Outcome> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'man-fuzz-')));
  let values = 0;
  try {
    // What the reader loads and keeps is no case's fault.
    await one(reader, root, `${seed} warm`);
    const before = process.resourceUsage().maxRSS;
    for (let i = first; i < first + count; i++) {
      const fault = (problem: string, cause?: unknown) => new Error(`${reader.name}, seed ${seed}, case ${i}: ${problem}`, { cause });
      const started = process.cpuUsage();
      const error = await one(reader, root, `${seed} ${i}`);
      if (error === undefined) values++;
      else if (!isManError(error) || !reader.codes.test(error.code)) throw fault(`ended with ${String(error)}`, error);
      const { user, system } = process.cpuUsage(started);
      if (user + system > 1e6 * MAX_CPU_SECONDS) throw fault(`took ${(user + system) / 1e6} s`);
      if (readdirSync(root).length > 0) throw fault(`wrote outside its folder: ${readdirSync(root).join(', ')}`);
      const grown = (process.resourceUsage().maxRSS - before) / 1024;
      if (grown > reader.megabytes) throw fault(`memory grew by ${Math.round(grown)} MB, ${reader.megabytes} are allowed`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { values, errors: count - values };
}

async function one(reader: Reader, root: string, stream: string): Promise<unknown> {
  const folder = join(root, 'case');
  mkdirSync(folder);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${MAX_WALL_MS / 1000} s`)), MAX_WALL_MS);
  });
  try {
    await Promise.race([reader.attempt(createRng(reader.name).split(stream), folder), patience]);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One of a list. */
export const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.integer(list.length)] as T;
