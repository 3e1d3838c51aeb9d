import { existsSync } from 'node:fs';
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { noHeaders, noLibraryIn } from './errors.ts';
import { temporaryName, writeFileAtomically, writingTo } from './files.ts';
import { withLock } from './lock.ts';
import { libraryNames } from './platform.ts';
import { hasLibrary } from './status.ts';

/** A folder with libtensorflow and the headers that go with it. */
export interface LibraryFolder {
  readonly dir: string;
  readonly include: string;
}

/** Options of {@link cached}. */
export interface CacheOptions {
  readonly signal: AbortSignal | undefined;
  readonly onWait: () => void;
}

const MARKER = 'man-native.json';

/**
 * The library `key` of the cache; when it is not there, `fill` makes it in a temporary folder that gets its name only when complete.
 *
 * @param fill writes the library's files into `tree`; `scratch` is for files needed meanwhile
 * @throws MAN_NATIVE_CACHE_NOT_WRITABLE
 * @throws MAN_NATIVE_DISK_FULL
 */
export async function cached(
  root: string,
  key: string,
  options: CacheOptions,
  fill: (tree: string, scratch: string, signal: AbortSignal) => Promise<void>,
): Promise<LibraryFolder> {
  const final = join(root, key);
  // Before any lock, so that a read-only cache that was filled by somebody else can be used.
  if (isComplete(final)) return givenFolder(final);
  await writingTo('cache', root, () => mkdir(root, { recursive: true }));
  return writingTo('cache', root, () =>
    withLock(root, key, options, async (signal) => {
      if (isComplete(final)) return givenFolder(final);
      await removeLeftovers(root, key);
      const temporary = temporaryName(final);
      const tree = join(temporary, 'tree');
      const scratch = join(temporary, 'scratch');
      try {
        await mkdir(tree, { recursive: true });
        await mkdir(scratch);
        await fill(tree, scratch, signal);
        if (!hasLibrary(join(tree, 'tensorflow'))) throw noLibraryIn(tree, [libraryNames()[0]]);
        await writeFileAtomically(join(tree, MARKER), `${JSON.stringify({ schema: 1, key })}\n`);
        if (existsSync(final)) await rename(final, join(temporary, 'incomplete'));
        await rename(tree, final);
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
      return givenFolder(final);
    }),
  );
}

/**
 * A library folder given by a person: as unpacked from a wheel, the folder `tensorflow` of it, or TensorFlow's own C archive.
 *
 * @throws MAN_NATIVE_NO_LIBRARY
 * @throws MAN_NATIVE_NO_HEADERS
 */
export async function givenFolder(folder: string): Promise<LibraryFolder> {
  const dir = [folder, join(folder, 'tensorflow'), join(folder, 'lib')].find(hasLibrary);
  if (dir === undefined) throw noLibraryIn(folder, libraryNames());
  const include = [join(dir, 'include'), join(dir, '..', 'include')].find((path) => existsSync(join(path, 'tensorflow', 'c', 'c_api.h')));
  if (include === undefined) throw noHeaders(dir);
  return { dir: await realpath(dir), include: await realpath(include) };
}

/** Removes what this tool put into the cache folder, and the folder when nothing else is in it; returns the names. */
export async function clearCache(root: string, options: CacheOptions): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  const ours = names.filter((name) => existsSync(join(root, name, MARKER)) || /\.tmp-[0-9a-f]{8}$/.test(name));
  await writingTo('cache', root, async () => {
    for (const key of ours) {
      const base = key.replace(/\.tmp-[0-9a-f]{8}$/, '');
      await withLock(root, base, options, () => rm(join(root, key), { recursive: true, force: true }));
    }
  });
  return ours;
}

/** Whether a folder of the cache is finished. */
export function isComplete(folder: string): boolean {
  return existsSync(join(folder, MARKER)) && hasLibrary(join(folder, 'tensorflow'));
}

/** The finished libraries in the cache. */
export async function cachedKeys(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  return names.filter((name) => !/\.tmp-[0-9a-f]{8}$/.test(name) && isComplete(join(root, name)));
}

/** Temporary folders of runs that were killed; the lock says that nobody is using them. */
async function removeLeftovers(root: string, key: string): Promise<void> {
  const names = await readdir(root);
  await Promise.all(
    names.filter((name) => name.startsWith(`${key}.tmp-`)).map((name) => rm(join(root, name), { recursive: true, force: true })),
  );
}
