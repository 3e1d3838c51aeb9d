import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isManError } from '@man/base';
import { cacheNotWritable, diskFull, packageNotWritable } from './errors.ts';

/** A name beside `path` that marks itself as temporary; whoever finds it under the lock may delete it. */
export function temporaryName(path: string): string {
  return `${path}.tmp-${randomUUID().slice(0, 8)}`;
}

/** The folder a temporary path lies in, for messages: nobody knows the temporary one. */
export function lastingPart(path: string): string {
  return path.replace(/\/[^/]*\.tmp-[0-9a-f]{8}(\/.*)?$/, '');
}

/** Writes a small file completely or not at all. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Flushes a finished file to the disk, then gives it its name. */
export async function moveIntoPlace(temporary: string, path: string): Promise<void> {
  const file = await open(temporary, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/**
 * Runs file work of one place and names its failures.
 *
 * @throws MAN_NATIVE_DISK_FULL
 * @throws MAN_NATIVE_CACHE_NOT_WRITABLE
 * @throws MAN_NATIVE_PACKAGE_NOT_WRITABLE
 */
export async function writingTo<T>(place: 'cache' | 'package', where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (isManError(error) || code === undefined) throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw diskFull(where, undefined, undefined, error);
    throw place === 'cache' ? cacheNotWritable(where, error) : packageNotWritable(where, error);
  }
}

/**
 * Checks that there is room before anything is fetched.
 *
 * @throws MAN_NATIVE_DISK_FULL
 */
export async function requireRoom(where: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(where);
  if (bavail * bsize < bytes) throw diskFull(lastingPart(where), bytes, bavail * bsize);
}
