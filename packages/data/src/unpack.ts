import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isManError } from '@man/base';
import { extract } from 'tar-stream';
import { openFile } from './byte-source.ts';
import { brokenArchive, diskError, unsafeArchive, unsafeEntry } from './errors.ts';

/** A file in an archive. */
export interface ArchiveEntry {
  /** Path inside the archive, with `/`. */
  readonly name: string;
  readonly size: number;
  /** The contents, in pieces; what is not read is skipped. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The contents at once. @throws `MAN_DATA_UNSAFE_ARCHIVE` above 2 GB */
  bytes(): Promise<Uint8Array>;
}

/** What is taken out of an archive. */
export interface UnpackOptions {
  /** Files that are not wanted are skipped. Default: all are wanted. */
  readonly filter?: (name: string) => boolean;
  /** More bytes than this, in all files together, are refused; and as many around them. Default 16 GB. */
  readonly maxBytes?: number;
}

/** Bytes of a file that are read at once, at most. */
const MAX_AT_ONCE = 2e9;

/**
 * Goes through the files of a `.tar.gz` archive in its order, without unpacking it to disk.
 *
 * Links, devices and names that lead out of the archive (`..`, absolute) are refused, wanted or not.
 *
 * @throws `MAN_DATA_UNSAFE_ARCHIVE`, `MAN_DATA_BROKEN_ARCHIVE`, `MAN_DATA_DISK`
 */
export async function readTarGz(
  archive: string,
  visit: (entry: ArchiveEntry) => Promise<void> | void,
  { filter = () => true, maxBytes = 16e9 }: UnpackOptions = {},
): Promise<void> {
  const unpacked = extract();
  const stop = new AbortController();
  const packed = (await openFile(archive)).handle.createReadStream({ highWaterMark: 1 << 18 });
  const feeding = pipeline(packed, createGunzip({ chunkSize: 1 << 18 }), limited(archive, maxBytes), unpacked, { signal: stop.signal });
  const outcome = feeding.then(
    () => null,
    (error: unknown) => error,
  );
  let total = 0;
  try {
    for await (const entry of unpacked) {
      const { name, type, size = 0 } = entry.header;
      const problem = problemOf(name, type ?? 'file', size);
      if (problem !== null) throw unsafeEntry(archive, name, problem);
      total += size;
      if (total > maxBytes) throw unsafeEntry(archive, name, `brings the unpacked size above ${maxBytes} bytes`);
      // streamx streams can be iterated; its types do not say so.
      const chunks = entry as unknown as AsyncIterable<Uint8Array>;
      const bytes = async () => {
        if (size > MAX_AT_ONCE) throw unsafeEntry(archive, name, `has ${size} bytes; at most ${MAX_AT_ONCE} are read at once`);
        return collect(chunks, size);
      };
      if (type !== 'directory' && filter(name)) await visit({ name, size, chunks, bytes });
      entry.resume();
    }
    await feeding;
  } catch (cause) {
    stop.abort();
    throw faultOf(archive, await outcome, cause);
  } finally {
    stop.abort();
  }
}

/** Passes bytes on, but no more of them than files of `maxBytes` and what stands around them can be: zeros pack to a thousandth. */
function limited(archive: string, maxBytes: number) {
  return async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let passed = 0;
    for await (const chunk of chunks) {
      passed += chunk.length;
      if (passed > 2 * maxBytes + 1e6) throw unsafeArchive(archive, `unpacks to far more than the ${maxBytes} bytes that are allowed`);
      yield chunk;
    }
  };
}

/** What went wrong: the archive, if its stream failed before it was stopped; else whatever the loop met. */
function faultOf(archive: string, outcome: unknown, cause: unknown): unknown {
  if (!(outcome instanceof Error) || outcome.name === 'AbortError' || isManError(cause)) return cause;
  if (isManError(outcome)) return outcome;
  // Leaving the loop closes the stream too.
  if ((outcome as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' && outcome !== cause) return cause;
  return (outcome as NodeJS.ErrnoException).syscall === undefined ? brokenArchive(archive, outcome) : diskError('read', archive, outcome);
}

/**
 * Unpacks a `.tar.gz` archive into a new folder: whole, or not at all.
 *
 * It is unpacked beside the folder and renamed. When the folder is there already, nothing is done: another process was faster.
 *
 * @returns the absolute path of the folder
 * @throws `MAN_DATA_UNSAFE_ARCHIVE`, `MAN_DATA_BROKEN_ARCHIVE`, `MAN_DATA_DISK`
 */
export async function unpackTarGz(
  archive: string,
  folder: string,
  options: UnpackOptions & { readonly strip?: number } = {},
): Promise<string> {
  const target = resolve(folder);
  if (existsSync(target)) return target;
  const temporary = await onDisk(dirname(target), async () => {
    await mkdir(dirname(target), { recursive: true });
    return mkdtemp(join(dirname(target), `.${basename(target)}-`));
  });
  try {
    await readTarGz(archive, (entry) => write(entry, temporary, options.strip ?? 0), options);
    await onDisk(target, () => rename(temporary, target)).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return target;
}

function problemOf(name: string, type: string, size: unknown): string | null {
  if (type !== 'file' && type !== 'directory' && type !== 'contiguous-file') return `is a ${type}, not a file`;
  // The reader of archives would wait for such contents for ever.
  if (!Number.isSafeInteger(size)) return `has a size of ${String(size)}`;
  if (name.startsWith('/') || name.includes('\\') || /^[a-z]:/i.test(name)) return 'has an absolute name';
  if (name.split('/').includes('..')) return "leads out of the archive with '..'";
  return name.includes('\0') ? 'has a name with a null byte' : null;
}

async function write(entry: ArchiveEntry, folder: string, strip: number): Promise<void> {
  const path = entry.name
    .split('/')
    .filter((step) => step !== '' && step !== '.')
    .slice(strip);
  if (path.length === 0) return;
  const file = join(folder, ...path);
  const handle = await onDisk(file, async () => {
    await mkdir(dirname(file), { recursive: true });
    return open(file, 'wx');
  });
  try {
    for await (const chunk of entry.chunks) await onDisk(file, () => handle.writeFile(chunk));
    await onDisk(file, () => handle.sync());
  } finally {
    await handle.close();
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw diskError('write', path, cause);
  }
}
