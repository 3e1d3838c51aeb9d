import { closeSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Opens a file, with its folder, for reading and for writing at its end. */
export function openForAppending(file: string): number {
  makeFolderSync(dirname(resolve(file)));
  return openSync(file, 'a+');
}

/** Not mkdir's `recursive`, which never returns on file systems that answer ENOENT to every mkdir. */
function makeFolderSync(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolderSync(parent);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Writes all of it: one call may take less. */
export function writeFully(descriptor: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}

/** Pipes and some network disks cannot be synced; there is nothing to do about it. */
export function syncQuietly(descriptor: number): void {
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && ['EINVAL', 'ENOTSUP', 'EROFS'].includes(String(error.code)))) throw error;
  }
}

/** Closes it where it is open. */
export function closeQuietly(descriptor: number | undefined): void {
  if (descriptor !== undefined) closeSync(descriptor);
}
