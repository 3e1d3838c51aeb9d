import { isManError } from '@man/base';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { compressors } from 'hyparquet-compressors';
import { type ByteSource, fileSource } from './byte-source.ts';
import { badParquet } from './errors.ts';
import { checkThrift } from './thrift.ts';

/** A parquet file, opened. */
export interface ParquetFile {
  readonly name: string;
  /** Names of the top-level columns. */
  readonly columns: readonly string[];
  /** Rows of each row group. */
  readonly rowGroups: readonly number[];
  /**
   * One column of one row group, its values as they are stored: numbers (bigint for 64 bits), bytes, or objects of them.
   *
   * @throws `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
   */
  read(column: string, rowGroup: number): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

/** Bytes of a file's table of contents at most. */
const MAX_FOOTER = 64e6;
/** Bytes of a column in a row group at most, packed and unpacked: those of hubs have 500 MB. */
const MAX_CHUNK = 1e9;
const MAX_ROWS = 10e6;

/**
 * Opens a parquet file, as model hubs publish data sets in them. Lengths are checked before anything is allocated by them.
 *
 * @throws `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
 */
export async function openParquet(file: string): Promise<ParquetFile> {
  const source = await fileSource(file);
  try {
    return await parquetOf(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** {@link openParquet} of any bytes. */
export async function parquetOf(source: ByteSource): Promise<ParquetFile> {
  const metadata = await naming(source.name, () => readFooter(source));
  const rowGroups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const rows = rowGroups.reduce((sum, count) => sum + count, 0);
  if (rowGroups.some((count) => !(count >= 0)) || !(rows <= MAX_ROWS)) throw badParquet(source.name, `it says that it has ${rows} rows`);
  const columns = topLevel(metadata);
  return {
    name: source.name,
    columns,
    rowGroups,
    read: (column, rowGroup) =>
      naming(source.name, async () => {
        if (!columns.includes(column)) throw new RangeError(`it has no column '${column}', only ${columns.join(', ')}`);
        return readGroup(source, metadata, column, rowGroup);
      }),
    close: () => source.close(),
  };
}

async function readFooter(source: ByteSource): Promise<FileMetaData> {
  const tail = source.size < 12 ? new Uint8Array(8) : await source.read(source.size - 8, source.size);
  if (new TextDecoder('latin1').decode(tail.subarray(4)) !== 'PAR1') throw new RangeError('it does not end like a parquet file');
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (length > Math.min(source.size - 8, MAX_FOOTER)) throw new RangeError(`its table of contents has ${length} bytes`);
  const footer = Uint8Array.from(await source.read(source.size - 8 - length, source.size));
  checkThrift(footer, 0);
  return parquetMetadata(footer.buffer, { geoparquet: false });
}

function topLevel({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  // The schema is a tree, written in depth-first order; at the beginning stands its root.
  const skip = (at: number, depth: number): number => {
    const element = schema[at];
    if (element === undefined || depth > 20) throw new RangeError('its schema is broken');
    let next = at + 1;
    for (let i = 0; i < (element.num_children ?? 0); i++) {
      if (depth === 0) names.push(schema[next]?.name ?? '');
      next = skip(next, depth + 1);
    }
    return next;
  };
  skip(0, 0);
  return names;
}

async function readGroup(source: ByteSource, metadata: FileMetaData, column: string, rowGroup: number): Promise<readonly unknown[]> {
  const group = metadata.row_groups[rowGroup];
  if (group === undefined) throw new RangeError(`it has no row group ${rowGroup}`);
  const rows = Number(group.num_rows);
  const chunks = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === column);
  for (const { meta_data: chunk } of chunks) {
    const start = Number(chunk?.dictionary_page_offset || chunk?.data_page_offset);
    const length = Number(chunk?.total_compressed_size);
    if (!(start >= 4 && length >= 0 && length <= MAX_CHUNK && start + length <= source.size))
      throw new RangeError(`column ${column} is not in it`);
    checkPages(await source.read(start, start + length), rows, column);
  }
  const only: FileMetaData = { ...metadata, row_groups: [{ ...group, columns: chunks }], num_rows: group.num_rows };
  const file = { byteLength: source.size, slice: async (start: number, end = source.size) => ownBuffer(await source.read(start, end)) };
  const values = await parquetReadObjects({ file, metadata: only, columns: [column], compressors, utf8: false, geoparquet: false });
  if (values.length !== rows) throw new RangeError(`row group ${rowGroup} has ${values.length} rows instead of ${rows}`);
  return values.map((row) => row[column]);
}

const ownBuffer = (bytes: Uint8Array) => Uint8Array.from(bytes).buffer;

/** Checks what the pages of a column say of their lengths. */
function checkPages(bytes: Uint8Array, rows: number, column: string): void {
  let unpacked = 0;
  for (let at = 0; at < bytes.length; ) {
    const next = checkThrift(bytes, at);
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, next - at);
    const header = deserializeTCompactProtocol({ view, offset: 0 }) as Record<string, unknown>;
    const [size, packed] = [Number(header.field_2), Number(header.field_3)];
    unpacked += size;
    if (!(size >= 0 && packed >= 0 && unpacked <= MAX_CHUNK && packed <= bytes.length - next)) {
      throw new RangeError(`a page of column ${column} says that it has ${packed} bytes, ${size} unpacked`);
    }
    // Data page, dictionary, data page of version 2: the number of values comes first in each.
    for (const kind of [header.field_5, header.field_7, header.field_8]) {
      const count = (kind as Record<string, unknown> | undefined)?.field_1;
      if (count !== undefined && !(Number(count) >= 0 && Number(count) <= rows))
        throw new RangeError(`a page of column ${column} says that it has ${String(count)} values`);
    }
    at = next + packed;
  }
}

/** What goes wrong within a file is about that file. */
async function naming<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isManError(error)) throw error;
    throw badParquet(file, error instanceof Error ? error.message : String(error), error);
  }
}
