import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { writeFailed } from './errors.ts';

/** What {@link atomicWrite} takes: all at once, or in parts. */
export type WriteData = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * Writes a file so that, whatever happens, its name holds either the whole old or the whole new content.
 *
 * The data go to a temporary name in the same folder (made where missing), are synced and renamed, and the folder is synced.
 * On failure the temporary file is removed and the former file is untouched.
 *
 * @throws MAN_TRACK_WRITE_FAILED naming the path, the cause (full disk, read-only, …) and the remedy; errors that come
 *   out of an iterable `data` are passed on as they are.
 * @example
 * ```ts
 * await atomicWrite('runs/a/summary.json', JSON.stringify(summary));
 * ```
 */
export async function atomicWrite(file: string, data: WriteData): Promise<void> {
  const target = resolve(file);
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target).slice(0, 64)}.${randomBytes(6).toString('hex')}.tmp`);
  await guarded(file, () => makeFolder(folder));
  const handle = await guarded(file, () => open(temporary, 'wx'));
  try {
    try {
      for await (const part of parts(data)) await guarded(file, () => writeAll(handle, part));
      await guarded(file, () => handle.sync());
    } finally {
      await guarded(file, () => handle.close());
    }
    await guarded(file, async () => {
      // Windows names a rename onto a folder EPERM, Linux EISDIR or ENOTEMPTY: say what it is.
      if (await isFolder(target)) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
      await rename(temporary, target);
    });
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(folder);
}

/** Like mkdir's `recursive`, which never returns where a file system answers ENOENT to every mkdir (`/proc`). */
async function makeFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(parent);
  await mkdir(folder).catch(async (error: unknown) => {
    // Somebody else may have made it meanwhile.
    if (!(await isFolder(folder))) throw error;
  });
}

async function guarded<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw writeFailed(file, cause);
  }
}

function parts(data: WriteData): Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array> {
  return typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
}

async function writeAll(handle: FileHandle, part: string | Uint8Array): Promise<void> {
  const bytes = typeof part === 'string' ? Buffer.from(part) : part;
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Makes the rename itself durable. Where folders cannot be opened or synced (Windows, some network disks), nothing is lost by not doing so. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file is complete and under its name; only its survival of a power cut in the next seconds is unknown.
  }
}
