import { badHeader, badTensor, unsupportedDtype } from './errors.ts';

/** Element types of {@link writeSafetensors}: float32, int32, bytes, and booleans as bytes 0 and 1. */
export type SafetensorsDtype = 'F32' | 'I32' | 'U8' | 'BOOL';

/** Bytes per element, in the order in which tensors are laid out: the widest first, so that every tensor is aligned. */
export const BYTES_PER_ELEMENT: Readonly<Record<SafetensorsDtype, number>> = { F32: 4, I32: 4, U8: 1, BOOL: 1 };

/** Types that are known to take so many bytes, but are not read. */
const OTHER_BYTES: Readonly<Record<string, number>> = { F64: 8, I64: 8, U64: 8, U32: 4, F16: 2, BF16: 2, I16: 2, U16: 2, I8: 1 };

/** The limit of the format's own implementation. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Where a tensor lies, in bytes from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  /** One of {@link SafetensorsDtype}, where the tensor is to be read. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A header that fits its file. */
export interface SafetensorsHeader {
  /** In the order of the bytes. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The length that the first eight bytes claim, checked against what is there before anything is allocated. */
export function headerLength(start: Uint8Array, fileBytes: number, where: string): number {
  if (fileBytes < 8 || start.length < 8) throw badHeader(where, `expected at least 8 bytes, got ${fileBytes}`);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw badHeader(where, `expected a header of at most ${MAX_HEADER_BYTES} bytes, its first 8 bytes say ${length}`);
  if (Number(length) > fileBytes - 8) throw badHeader(where, `its header should have ${length} bytes, but only ${fileBytes - 8} follow`);
  return Number(length);
}

/**
 * Reads and checks a header for a file with `dataBytes` behind it: every byte must belong to exactly one tensor. Those that are not
 * `wanted` may be of a type that is not read.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, where: string, wanted: (name: string) => boolean): SafetensorsHeader {
  const entries: TensorEntry[] = [];
  let metadata: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(parseJson(bytes, where))) {
    if (name === '__metadata__') metadata = parseMetadata(value, where);
    else entries.push(parseEntry(name, value, dataBytes, where, wanted(name)));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin < covered) throw badTensor(where, name, `its bytes ${begin}…${end} overlap those of another tensor, which end at ${covered}`);
    if (begin > covered) throw badTensor(where, name, `its bytes begin at ${begin}, but no tensor holds the bytes from ${covered} on`);
    covered = end;
  }
  if (covered !== dataBytes) throw badHeader(where, `its tensors take ${covered} bytes, but ${dataBytes} follow the header`);
  return { entries, metadata };
}

function parseJson(bytes: Uint8Array, where: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) throw badHeader(where, 'its header does not begin with "{"');
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw badHeader(where, 'its header is not JSON in UTF-8', cause);
  }
  const problem = strictnessProblem(text);
  if (problem !== null) throw badHeader(where, problem);
  return header as Record<string, unknown>;
}

/**
 * What JSON allows and this format does not: a key twice (JSON.parse silently keeps the last) and numbers that are not whole.
 *
 * One pass without recursion or backtracking, since the header may be long and hostile.
 */
function strictnessProblem(validJson: string): string | null {
  const keys: Set<string>[] = [];
  for (let at = 0; at < validJson.length; at++) {
    const character = validJson[at] as string;
    if (character === '{') keys.push(new Set());
    else if (character === '}') keys.pop();
    else if (character === '"') {
      const end = stringEnd(validJson, at);
      if (isKey(validJson, end)) {
        const key = JSON.parse(validJson.slice(at, end)) as string;
        if (keys.at(-1)?.has(key)) return `its header has the key ${JSON.stringify(key.slice(0, 60))} twice`;
        keys.at(-1)?.add(key);
      }
      at = end - 1;
    } else if ('-.+eE'.includes(character) && /[-\d]/.test(validJson.slice(at - 1, at + 1))) {
      return `its header has a number that is not whole, at character ${at}`;
    }
  }
  return null;
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); ; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

/** Whether a colon follows the string that ends at `end`. */
function isKey(json: string, end: number): boolean {
  let at = end;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\t' || json[at] === '\r') at++;
  return json[at] === ':';
}

function parseMetadata(value: unknown, where: string): Record<string, string> {
  if (!isRecord(value)) throw badHeader(where, 'its __metadata__ is not an object of strings');
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw badHeader(where, `its __metadata__ has something else than a string under ${JSON.stringify(key.slice(0, 60))}`);
    metadata[key] = text;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, dataBytes: number, where: string, isWanted: boolean): TensorEntry {
  if (!isRecord(value)) throw badTensor(where, name, 'expected an object with dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets, ...unknown } = value;
  const [extra] = Object.keys(unknown);
  if (extra !== undefined)
    throw badTensor(where, name, `expected dtype, shape and data_offsets, got also ${JSON.stringify(extra.slice(0, 60))}`);
  const known = isWanted ? BYTES_PER_ELEMENT : { ...BYTES_PER_ELEMENT, ...OTHER_BYTES };
  if (typeof dtype !== 'string' || !Object.hasOwn(known, dtype)) throw unsupportedDtype(where, name, dtype);
  if (!isSizes(shape)) throw badTensor(where, name, 'its shape is not a list of whole numbers');
  if (!isSizes(offsets) || offsets.length !== 2) throw badTensor(where, name, 'its data_offsets are not two whole numbers');
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes)
    throw badTensor(where, name, `its bytes ${begin}…${end} are not within the ${dataBytes} that follow the header`);
  const needed = byteLength(shape, (known as Readonly<Record<string, number>>)[dtype] as number);
  if (needed !== end - begin) {
    throw badTensor(where, name, `${dtype} of shape [${shape.slice(0, 8)}] needs ${needed} bytes, but it has ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Bytes of a tensor; not a safe integer (and so equal to no real length) where the shape is absurd. */
export function byteLength(shape: readonly number[], bytesPerElement: number): number {
  let bytes = bytesPerElement;
  for (const size of shape) {
    bytes *= size;
    // A zero further on must not turn an overflow into a valid size.
    if (!Number.isSafeInteger(bytes)) return Number.POSITIVE_INFINITY;
  }
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
