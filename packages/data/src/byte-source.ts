import { type FileHandle, open } from 'node:fs/promises';
import { diskError, outOfRange } from './errors.ts';
import { NO_FILE, READ } from './picture-source.ts';

/** Bytes that are read in pieces: a file, or memory. Readers of data sets take one, so that their tests need no disk. */
export interface ByteSource {
  /** For messages: a path. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes from `start` up to, not including, `end`. They may be the source's own memory: not to be written to.
   *
   * @throws `MAN_DATA_RANGE` beyond the end, `MAN_DATA_DISK`
   */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A source of bytes that are in memory. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(start, end) {
      check(name, start, end, bytes.length);
      return bytes.subarray(start, end);
    },
    close: async () => {},
  };
}

/**
 * A source of the bytes of a file, which stays open until `close`.
 *
 * @throws `MAN_DATA_DISK`
 *
 * @example
 * ```ts
 * const source = await fileSource('data_batch_1.bin');
 * try {
 *   const [label] = await source.read(0, 1);
 * } finally {
 *   await source.close();
 * }
 * ```
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const { handle, size } = await openFile(path);
  return sourceOf(handle, path, size);
}

/** Opens a file for reading. @throws `MAN_DATA_DISK`, also for what is no file */
export async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, READ);
    const stat = await handle.stat();
    if (!stat.isFile()) throw new TypeError(NO_FILE);
    return { handle, size: stat.size };
  } catch (cause) {
    await handle?.close();
    throw diskError('read', path, cause);
  }
}

function sourceOf(handle: FileHandle, name: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(start, end) {
      check(name, start, end, size);
      const bytes = new Uint8Array(end - start);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled).catch((cause: unknown) => {
          throw diskError('read', name, cause);
        });
        // The file has become shorter since it was opened.
        if (bytesRead === 0) throw outOfRange(name, start, end, start + filled);
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

function check(name: string, start: number, end: number, size: number): void {
  if (!(start >= 0 && start <= end && end <= size)) throw outOfRange(name, start, end, size);
}
