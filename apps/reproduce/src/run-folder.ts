import { mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Composed } from '@man/config';
import { atomicWrite } from '@man/track';
import { folderFailed, folderInUse } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';

/** A folder that belongs to one run. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string;
  /** As people would type it from where they are. */
  readonly shown: string;
  file(name: string): string;
  /** Takes away what {@link createRunFolder} made, for a run that never began. */
  discard(): Promise<void>;
}

const FIRST_FILES = ['config.yaml', 'overrides.txt'];

/**
 * Makes the folder of a run, `<root>/<date>/<time>-<name>` unless `run.dir` names it, and writes the configuration into it. Two runs of
 * one second get folders of their own.
 *
 * @throws MAN_REPRODUCE_FOLDER, MAN_REPRODUCE_FOLDER_IN_USE
 */
export async function createRunFolder({ config, toYaml, overrides }: Composed<TrainConfig>, now = new Date()): Promise<RunFolder> {
  const { root, dir } = config.run;
  const path = await makeRunFolder(config.run, now);
  const file = (member: string) => join(path, member);
  const folder = { path, shown: shown(path), file };
  const discard = async () => {
    for (const member of FIRST_FILES) await rm(file(member), { force: true }).catch(() => {});
    // Fails, as it should, on a folder that holds something else.
    await rmdir(path).catch(() => {});
    if (dir === null) await rmdir(dirname(path)).catch(() => {});
    if (dir === null) await rmdir(resolve(root)).catch(() => {});
  };
  try {
    await writeConfiguration(folder, { toYaml, overrides });
  } catch (cause) {
    await discard();
    throw folderFailed(path, cause);
  }
  return { ...folder, discard };
}

/** Writes down what a run is. */
export async function writeConfiguration(
  { file }: Pick<RunFolder, 'file'>,
  { toYaml, overrides }: Pick<Composed<unknown>, 'toYaml' | 'overrides'>,
): Promise<void> {
  await atomicWrite(file('config.yaml'), toYaml());
  await atomicWrite(file('overrides.txt'), overrides.map((override) => `${override}\n`).join(''));
}

/**
 * A new folder `<root>/<date>/<time>-<name>`, or the empty one that `dir` names.
 *
 * @returns its absolute path
 * @throws MAN_REPRODUCE_FOLDER, MAN_REPRODUCE_FOLDER_IN_USE
 */
export async function makeRunFolder(
  { root, dir, name }: { readonly root: string; readonly dir: string | null; readonly name: string | null },
  now = new Date(),
): Promise<string> {
  return dir === null ? await makeNew(resolve(root), stampOf(now), name) : await takeNamed(resolve(dir));
}

/** The folder of a run that goes on. */
export function openRunFolder(path: string): RunFolder {
  return { path, shown: shown(path), file: (member) => join(path, member), discard: async () => {} };
}

/** A path as people would type it: relative where that is shorter. */
export function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== '' && !short.startsWith('..') ? short : path;
}

/** Local date and time, sortable, fit for file names on every system. */
function stampOf(now: Date): { readonly date: string; readonly time: string } {
  const two = (value: number) => String(value).padStart(2, '0');
  return {
    date: `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`,
    time: [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('-'),
  };
}

async function makeNew(root: string, { date, time }: { date: string; time: string }, name: string | null): Promise<string> {
  const base = join(root, date, name === null ? time : `${time}-${name}`);
  try {
    await makeFolder(dirname(base));
    for (let i = 1; ; i++) {
      const path = i === 1 ? base : `${base}-${i}`;
      try {
        await mkdir(path);
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (cause) {
    throw folderFailed(base, cause);
  }
}

async function takeNamed(path: string): Promise<string> {
  try {
    await makeFolder(path);
    if ((await readdir(path)).length === 0) return path;
  } catch (cause) {
    throw folderFailed(path, cause);
  }
  throw folderInUse(path);
}

/** Not mkdir's `recursive`, which never returns where a file system answers ENOENT to every mkdir (`/proc`). */
async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error: NodeJS.ErrnoException) => {
    // Another run may have made it meanwhile.
    if (error.code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  });
}
