import { Readable } from 'node:stream';
import { createInflate } from 'node:zlib';
import { isManError } from '@man/base';
import type { ByteSource } from './byte-source.ts';
import { badMat } from './errors.ts';
import {
  COMPRESSED,
  isNumeric,
  MATRIX,
  type MatClass,
  type MatFault,
  type MatValue,
  matHeader,
  matValue,
  STORAGE,
  sizeOf,
} from './mat-values.ts';

/** A variable of a MATLAB file, announced before its contents are read. */
export interface MatVariable {
  readonly name: string;
  readonly type: MatClass;
  /** MATLAB keeps numbers with the first dimension running fastest. */
  readonly dims: readonly number[];
  /**
   * Writes the numbers into `out`, which has as many places as the dimensions say; in pieces, so that a variable of gigabytes needs no
   * memory besides. A number that does not fit into `out` is an error.
   */
  read(out: Uint8Array | Int32Array | Float64Array): Promise<void>;
  /** The whole variable, structs and cells included; for small ones. */
  value(): Promise<MatValue>;
}

/** What {@link readMat} can be told. */
export interface MatOptions {
  /** More bytes of one variable than this are not unpacked. Default 2 GB. */
  readonly maxBytes?: number;
}

/** Bytes of a variable that `value()` takes at most. */
const MAX_VALUE_BYTES = 64e6;
/** What is read or unpacked at once. */
const PIECE = 1 << 18;
/** Flags, shape and name take no more than this. */
const MAX_HEADER = 2048;

/**
 * Goes through the variables of a MATLAB file of version 5 (`save -v6` and `-v7`, and what scipy writes), compressed or not.
 *
 * Only little-endian files; version 7.3 is another format (HDF5). Lengths are checked before anything is allocated by them.
 *
 * @param visit is awaited for each variable; what it does not read is skipped
 * @throws `MAN_DATA_MAT`, and what `source` throws
 *
 * @example
 * ```ts
 * await readMat(source, async (variable) => {
 *   if (variable.name === 'y') await variable.read(labels);
 * });
 * ```
 */
export async function readMat(
  source: ByteSource,
  visit: (variable: MatVariable) => Promise<void> | void,
  { maxBytes = 2e9 }: MatOptions = {},
): Promise<void> {
  await checkFileHeader(source);
  const fault: MatFault = (at, problem) => badMat(source.name, at, problem);
  for (let at = 128; at < source.size; ) {
    if (at + 8 > source.size) throw fault(at, 'the file ends where an element should begin');
    const tag = viewOf(await source.read(at, at + 8));
    const [type, length] = [tag.getUint32(0, true), tag.getUint32(4, true)];
    const end = at + 8 + length;
    if (end > source.size) throw fault(at, `an element of ${length} bytes ends behind the file`);
    if (type === COMPRESSED) await visitPacked(source, at + 8, end, visit, maxBytes, fault);
    else if (type === MATRIX) await visitMatrix(plainBytes(source, at + 8, end), length, visit, maxBytes, fault);
    // Compressed elements are not padded.
    at = type === COMPRESSED ? end : at + 8 + 8 * Math.ceil(length / 8);
  }
}

async function checkFileHeader(source: ByteSource): Promise<void> {
  const header = source.size < 128 ? new Uint8Array(128) : await source.read(0, 128);
  const text = new TextDecoder('latin1').decode(header.subarray(0, 116));
  if (text.startsWith('MATLAB 7.3')) throw badMat(source.name, 0, 'it is of version 7.3 (HDF5), which is not read');
  const view = viewOf(header);
  if (view.getUint16(126, true) === 0x4d49 && view.getUint16(124, true) === 0x0100) return;
  const isForeign = view.getUint16(126, false) === 0x4d49;
  throw badMat(source.name, 0, isForeign ? 'it is big-endian, which is not read' : 'it does not begin like a MATLAB file of version 5');
}

/** Bytes that come one after the other. */
interface Bytes {
  /** Some of those that are left, at most `most`; none only at the end. They may be memory that is used again. */
  some(most: number): Promise<Uint8Array>;
}

function plainBytes(source: ByteSource, start: number, end: number): Bytes {
  let at = start;
  return {
    async some(most) {
      const from = at;
      at = Math.min(end, at + Math.min(most, PIECE));
      return source.read(from, at);
    },
  };
}

async function visitPacked(
  source: ByteSource,
  start: number,
  end: number,
  visit: (variable: MatVariable) => Promise<void> | void,
  maxBytes: number,
  fault: MatFault,
): Promise<void> {
  const packed = async function* () {
    for (let at = start; at < end; at += PIECE) yield await source.read(at, Math.min(end, at + PIECE));
  };
  const feed = Readable.from(packed());
  const inflate = createInflate({ chunkSize: PIECE });
  feed.on('error', (error) => inflate.destroy(error));
  const chunks = feed.pipe(inflate)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let left = new Uint8Array();
  const bytes: Bytes = {
    async some(most) {
      if (left.length === 0) left = (await chunks.next()).value ?? left;
      const taken = left.subarray(0, most);
      left = left.subarray(taken.length);
      return taken;
    },
  };
  try {
    const tag = viewOf(await take(bytes, 8, fault));
    if (tag.getUint32(0, true) !== MATRIX) throw fault(start, 'a compressed element holds no variable');
    await visitMatrix(bytes, tag.getUint32(4, true), visit, maxBytes, fault);
  } catch (error) {
    // zlib's own errors carry a code that begins with Z_.
    if (!isManError(error) && String((error as NodeJS.ErrnoException).code).startsWith('Z_')) {
      throw badMat(source.name, start, `a compressed variable cannot be unpacked: ${(error as Error).message}`, error);
    }
    throw error;
  } finally {
    feed.destroy();
    inflate.destroy();
  }
}

async function visitMatrix(
  all: Bytes,
  length: number,
  visit: (variable: MatVariable) => Promise<void> | void,
  maxBytes: number,
  fault: MatFault,
): Promise<void> {
  if (length === 0) return;
  if (length > maxBytes) throw fault(0, `a variable of ${length} bytes; at most ${maxBytes} are unpacked`);
  // The header's length is not known beforehand: what was taken too much goes before the rest.
  const start = await take(all, Math.min(length, MAX_HEADER), fault);
  const header = matHeader(viewOf(start), 0, fault);
  const bytes = joined(start.subarray(header.next), all);
  const left = length - header.next;
  await visit({
    name: header.name,
    type: header.type,
    dims: header.dims,
    async read(out) {
      if (!isNumeric(header.type)) throw fault(0, `variable ${header.name} is of class ${header.type}, numbers were expected`);
      if (out.length !== sizeOf(header.dims))
        throw fault(0, `variable ${header.name} is ${header.dims.join('×')}, not of ${out.length} numbers`);
      await readNumbers(bytes, left, out, header.name, fault);
    },
    async value() {
      if (length > MAX_VALUE_BYTES)
        throw fault(0, `variable ${header.name} has ${length} bytes; at most ${MAX_VALUE_BYTES} are read at once`);
      const whole = new Uint8Array(length);
      whole.set(start);
      whole.set(await take(all, length - start.length, fault), start.length);
      return matValue(viewOf(whole), fault);
    },
  });
}

async function readNumbers(
  bytes: Bytes,
  left: number,
  out: Uint8Array | Int32Array | Float64Array,
  name: string,
  fault: MatFault,
): Promise<void> {
  const tag = viewOf(await take(bytes, 8, fault));
  const first = tag.getUint32(0, true);
  const small = first >>> 16;
  const length = small > 0 ? small : tag.getUint32(4, true);
  const type = small > 0 ? first & 0xffff : first;
  const storage = STORAGE[type];
  if (storage === undefined || length !== out.length * storage.size || small > 4 || length > left) {
    throw fault(0, `variable ${name} has ${length} bytes of type ${type} for ${out.length} numbers`);
  }
  if (small > 0) return fill(viewOf(joinedBytes(tag, small)), storage, out, 0, name, fault);
  let done = 0;
  while (done < out.length) {
    const wanted = Math.min(PIECE, (out.length - done) * storage.size);
    const piece = storage.size === 1 ? await bytes.some(wanted) : await take(bytes, wanted, fault);
    if (piece.length === 0) throw fault(0, `variable ${name} ends after ${done} of ${out.length} numbers`);
    if (type === 2 && out instanceof Uint8Array) out.set(piece, done);
    else fill(viewOf(piece), storage, out, done, name, fault);
    done += piece.length / storage.size;
  }
}

function fill(
  view: DataView,
  { size, read }: (typeof STORAGE)[number],
  out: Uint8Array | Int32Array | Float64Array,
  at: number,
  name: string,
  fault: MatFault,
): void {
  for (let i = 0; i * size < view.byteLength; i++) {
    const value = read(view, i * size);
    out[at + i] = value;
    // The one number that differs from itself, where it may be.
    if (out[at + i] !== value && !(Number.isNaN(value) && out instanceof Float64Array))
      throw fault(0, `number ${at + i} of variable ${name} is ${value}, which is no whole number that fits`);
  }
}

/** Exactly `length` bytes, in memory of their own. */
async function take(bytes: Bytes, length: number, fault: MatFault): Promise<Uint8Array> {
  const taken = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const piece = await bytes.some(length - filled);
    if (piece.length === 0) throw fault(0, `a variable ends after ${filled} of ${length} bytes`);
    taken.set(piece, filled);
    filled += piece.length;
  }
  return taken;
}

/** First what is there, then the rest. */
function joined(first: Uint8Array, rest: Bytes): Bytes {
  let left = first;
  return {
    async some(most) {
      if (left.length === 0) return rest.some(most);
      const taken = left.subarray(0, most);
      left = left.subarray(taken.length);
      return taken;
    },
  };
}

const joinedBytes = (tag: DataView, small: number) => new Uint8Array(tag.buffer, tag.byteOffset + 4, small);
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
