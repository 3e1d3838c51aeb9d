import { openParquet } from './parquet.ts';
import type { ParquetCell } from './picture-source.ts';

/** A row group's column of one file, read. */
interface Read {
  readonly key: string;
  readonly values: Promise<readonly unknown[]>;
}

/** Row groups that a thread keeps: pictures in the order of the file come from the same ones. */
const MAX_KEPT = 2;
const kept: Read[] = [];

/** The bytes of a cell. A whole row group is read for it and kept for its neighbours. @throws `MAN_DATA_PARQUET`, `MAN_DATA_DISK`, Error */
export async function readCell({ file, column, rowGroup, row }: ParquetCell): Promise<Uint8Array> {
  const key = [file, rowGroup, ...column].join('\0');
  let read = kept.find((one) => one.key === key);
  if (read === undefined) {
    read = { key, values: readOnce(file, column, rowGroup) };
    // Nobody may be waiting when it fails: whoever asks again gets the error then.
    read.values.catch(() => {});
    kept.push(read);
    if (kept.length > MAX_KEPT) kept.shift();
  }
  const value = (await read.values)[row];
  if (!(value instanceof Uint8Array)) throw new TypeError(`row ${row} of row group ${rowGroup} holds no bytes in ${column.join('.')}`);
  return value;
}

async function readOnce(file: string, column: readonly string[], rowGroup: number): Promise<readonly unknown[]> {
  const parquet = await openParquet(file);
  try {
    return await parquet.read(column, rowGroup);
  } finally {
    await parquet.close();
  }
}
