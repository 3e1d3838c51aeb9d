import { isManError } from '@man/base';
import { type ColumnMetaData, type FileMetaData, parquetMetadata } from 'hyparquet';
import { readColumn } from 'hyparquet/src/column.js';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { getSchemaPath } from 'hyparquet/src/schema.js';
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
   * One column of one row group, its values as they are stored: numbers (bigint for 64 bits), or bytes; null where there is none.
   *
   * @param path the column's name, behind those of the structs that hold it: `['img', 'bytes']`
   * @throws `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
   */
  read(path: readonly string[], rowGroup: number): Promise<readonly unknown[]>;
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
  const { metadata, rowGroups, columns } = await naming(source.name, () => readContents(source));
  return {
    name: source.name,
    columns,
    rowGroups,
    read: (path, rowGroup) => naming(source.name, () => readGroup(source, metadata, path, rowGroup)),
    close: () => source.close(),
  };
}

async function readContents(source: ByteSource) {
  const metadata = await readFooter(source);
  const rowGroups = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  const rows = rowGroups.reduce((sum, count) => sum + count, 0);
  if (rowGroups.some((count) => !(count >= 0)) || !(rows <= MAX_ROWS)) throw new RangeError(`it says that it has ${rows} rows`);
  return { metadata, rowGroups, columns: topLevel(metadata) };
}

async function readFooter(source: ByteSource): Promise<FileMetaData> {
  const tail = source.size < 12 ? new Uint8Array(8) : await source.read(source.size - 8, source.size);
  if (new TextDecoder('latin1').decode(tail.subarray(4)) !== 'PAR1') throw new RangeError('it does not end like a parquet file');
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (length > Math.min(source.size - 8, MAX_FOOTER)) throw new RangeError(`its table of contents has ${length} bytes`);
  const footer = Uint8Array.from(await source.read(source.size - 8 - length, source.size));
  checkThrift(footer.subarray(0, length), 0);
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

async function readGroup(
  source: ByteSource,
  metadata: FileMetaData,
  path: readonly string[],
  rowGroup: number,
): Promise<readonly unknown[]> {
  const group = metadata.row_groups[rowGroup];
  if (group === undefined) throw new RangeError(`it has no row group ${rowGroup}`);
  const rows = Number(group.num_rows);
  const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('\0') === path.join('\0'))?.meta_data;
  if (chunk === undefined)
    throw new RangeError(`it has no column ${path.join('.')}, only ${leaves(group.columns.map(({ meta_data }) => meta_data))}`);
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  if (!(start >= 4 && length >= 0 && length <= MAX_CHUNK && start + length <= source.size)) {
    throw new RangeError(`column ${path.join('.')} is not in it`);
  }
  const bytes = await source.read(start, start + length);
  checkPages(bytes, rows, path.join('.'));
  const values = decode(bytes, metadata, chunk, rows);
  if (values.length !== rows) throw new RangeError(`row group ${rowGroup} has ${values.length} values instead of ${rows}`);
  return values;
}

const leaves = (chunks: readonly (ColumnMetaData | undefined)[]) => chunks.map((chunk) => chunk?.path_in_schema.join('.')).join(', ');

/** The library's own function for whole files leaves promises behind that fail unheard, and end the process; this part has none. */
function decode(bytes: Uint8Array, metadata: FileMetaData, chunk: ColumnMetaData, rows: number): unknown[] {
  const schemaPath = getSchemaPath(metadata.schema, chunk.path_in_schema);
  const element = schemaPath.at(-1)?.element;
  if (element === undefined) throw new RangeError('its schema is broken');
  const decoder = { ...chunk, pathInSchema: chunk.path_in_schema, schemaPath, element, compressors, utf8: false, parsers: DEFAULT_PARSERS };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { data } = readColumn({ view, offset: 0 }, { groupStart: 0, groupRows: rows, selectStart: 0, selectEnd: rows }, decoder);
  return data.flatMap((page) => Array.from(page as ArrayLike<unknown>, unwrapped));
}

/** A struct that may be absent gives lists of one value, or of none. */
function unwrapped(value: unknown): unknown {
  if (!Array.isArray(value)) return value ?? null;
  return value.length === 1 ? unwrapped(value[0]) : null;
}

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
