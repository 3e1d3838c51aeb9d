import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Where the encoded bytes of a picture are: plain data, which worker threads are sent. */
export type PictureSource = {
  /** For messages: a path, or a name within a set. */
  readonly name: string;
} & (
  | {
      /** A file, or the part of one from `start` up to, not including, `end`. */
      readonly file: string;
      readonly start?: number;
      readonly end?: number;
    }
  | { readonly bytes: Uint8Array }
  | { readonly parquet: ParquetCell }
);

/** A cell of a parquet file: the bytes of one row. */
export interface ParquetCell {
  readonly file: string;
  /** Name of the column, with its parents: `['image', 'bytes']`. */
  readonly column: readonly string[];
  readonly rowGroup: number;
  /** Within the row group. */
  readonly row: number;
}

/** Encoded pictures above this are refused; the largest file of ImageNet has 15 MB. */
export const MAX_ENCODED_BYTES = 256e6;

/** Opening a pipe waits for somebody to write into it, in a call that nothing can end; this does not. Of files it changes nothing. */
export const READ = constants.O_RDONLY | constants.O_NONBLOCK;
export const NO_FILE = 'it is a folder, a pipe or a device, no file';

/** The bytes of a file or of a part of one, at once: a thread that decodes has nothing else to do meanwhile. */
export function readPart(file: string, start = 0, end?: number): Uint8Array {
  const handle = openSync(file, READ);
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw new TypeError(NO_FILE);
    const last = end ?? stat.size;
    if (!(start >= 0 && last >= start)) throw new RangeError(`bytes ${start} to ${last} of a file were asked for`);
    if (last - start > MAX_ENCODED_BYTES) throw new RangeError(`it has ${last - start} bytes; at most ${MAX_ENCODED_BYTES} are read`);
    const bytes = new Uint8Array(last - start);
    for (let filled = 0; filled < bytes.length; ) {
      const count = readSync(handle, bytes, filled, bytes.length - filled, start + filled);
      if (count === 0) throw new RangeError(`the file ends after ${start + filled} bytes, ${last} were expected`);
      filled += count;
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}
