import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { type Checksum, hashFile } from './checksum.ts';
import { diskError } from './errors.ts';

/** Where the bytes of a part come from, and what tells whether the server still has the same file. */
export interface Origin {
  readonly url: string;
  /** A strong ETag or a date, for If-Range; null when the server gave neither. */
  readonly validator: string | null;
}

/** A file on its way: `<file>.part`, with its origin in `<file>.part.json`. All failures are `MAN_DATA_DISK`. */
export interface PartFile {
  readonly bytes: number;
  readonly origin: Origin | null;
  append(chunk: Uint8Array): Promise<void>;
  /** Empties it; what follows comes from `origin`. */
  restart(origin: Origin): Promise<void>;
  /** The checksum of what is there. */
  digest(): string;
  /** Makes it the finished file: synced and renamed. */
  finish(): Promise<void>;
  close(): Promise<void>;
  /** Removes every trace of it. */
  discard(): Promise<void>;
}

/** Opens what an earlier download left, or an empty part. */
export async function openPart(file: string, algorithm: Checksum['algorithm']): Promise<PartFile> {
  const part = `${file}.part`;
  const note = `${part}.json`;
  let origin = await readOrigin(note);
  let hash: Hash = createHash(algorithm);
  const handle = await onDisk('write', part, async () => {
    const opened = await open(part, 'a+');
    if (origin === null) await opened.truncate(0);
    return opened;
  });
  let bytes = origin === null ? 0 : await hashFile(part, hash);
  return {
    get bytes() {
      return bytes;
    },
    get origin() {
      return origin;
    },
    async append(chunk) {
      await onDisk('write', part, () => writeAll(handle, chunk));
      hash.update(chunk);
      bytes += chunk.length;
    },
    async restart(from) {
      // First the bytes, then the note: the note must never describe bytes of another origin.
      await onDisk('write', part, async () => {
        await handle.truncate(0);
        await writeFile(note, JSON.stringify(from));
      });
      origin = from;
      hash = createHash(algorithm);
      bytes = 0;
    },
    digest: () => hash.copy().digest('hex'),
    async finish() {
      await onDisk('write', file, async () => {
        await handle.sync();
        await rename(part, file);
        await rm(note, { force: true });
      });
    },
    close: () => handle.close(),
    async discard() {
      await rm(part, { force: true });
      await rm(note, { force: true });
    },
  };
}

async function readOrigin(note: string): Promise<Origin | null> {
  try {
    const { url, validator } = JSON.parse(await readFile(note, 'utf8')) as Partial<Origin>;
    return typeof url === 'string' && typeof validator === 'string' ? { url, validator } : null;
  } catch {
    return null;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) written += (await handle.write(chunk, written)).bytesWritten;
}

async function onDisk<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw diskError(doing, path, cause);
  }
}
