import { type FileHandle, open } from 'node:fs/promises';
import type { Tensor } from '@tensorflow/tfjs';
import { atomicWrite } from './atomic-write.ts';
import { badHeader, badTensor, readFailed, unwritableTensor } from './errors.ts';
import {
  BYTES_PER_ELEMENT,
  byteLength,
  headerLength,
  MAX_HEADER_BYTES,
  parseHeader,
  type SafetensorsDtype,
  type TensorEntry,
} from './safetensors-header.ts';

/** A tensor in memory of its own, off the engine. `data` has as many elements as `shape` says. */
export type StoredTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'U8' | 'BOOL'; readonly shape: readonly number[]; readonly data: Uint8Array };

/** What {@link readSafetensors} found; neither record has a prototype, so any name is safe. */
export interface SafetensorsFile {
  /** By name, in the order of the bytes. */
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes tensors, variables or typed arrays by name as a safetensors file, atomically (see {@link atomicWrite}).
 *
 * Tensors of the engine (float32, int32, bool) are read at the moment of the call and stay the caller's. The bytes are laid out as
 * the reference implementation does: by width of type, then by name.
 *
 * @throws MAN_TRACK_TENSOR_UNWRITABLE for a disposed tensor, data that do not fit the shape, a reserved or malformed name; nothing is written.
 * @throws MAN_TRACK_WRITE_FAILED
 * @example
 * ```ts
 * await writeSafetensors('weights.safetensors', { kernel: tf.variable(tf.ones([3, 3])) }, { step: '100' });
 * ```
 * @see https://github.com/huggingface/safetensors
 */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor | StoredTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const stored = await Promise.all(Object.entries(tensors).map(async ([name, tensor]) => [name, await toStored(name, tensor)] as const));
  stored.sort(
    ([a, { dtype: s }], [b, { dtype: t }]) => DTYPES.indexOf(s) - DTYPES.indexOf(t) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const header = buildHeader(stored, metadata);
  await atomicWrite(file, [header, ...stored.map(([, { data }]) => bytesOf(data))]);
}

export interface ReadSafetensorsOptions {
  /** Which tensors to read, by name; default all. Others may be of a type that is not read here. */
  readonly only?: (name: string) => boolean;
}

/**
 * Reads a safetensors file (F32, I32, U8, BOOL) from disk or memory and trusts nothing in it.
 *
 * Header length, JSON (one of each key, whole numbers only), types, shapes and offsets are checked before tensors are allocated;
 * every byte must belong to exactly one tensor.
 *
 * @throws MAN_TRACK_READ_FAILED
 * @throws MAN_TRACK_SAFETENSORS_HEADER
 * @throws MAN_TRACK_SAFETENSORS_TENSOR naming the tensor
 * @throws MAN_TRACK_SAFETENSORS_DTYPE naming the tensor
 * @example
 * ```ts
 * const { tensors, metadata } = await readSafetensors('weights.safetensors');
 * ```
 */
export async function readSafetensors(source: string | Uint8Array, options: ReadSafetensorsOptions = {}): Promise<SafetensorsFile> {
  const only = options.only ?? (() => true);
  if (typeof source !== 'string') {
    return readFrom('the given bytes', source.length, only, async (at, into) => into.set(source.subarray(at, at + into.length)));
  }
  let handle: FileHandle | undefined;
  try {
    handle = await open(source, 'r');
    const opened = handle;
    return await readFrom(source, (await opened.stat()).size, only, (at, into) => readFully(opened, at, into, source));
  } catch (error) {
    throw error instanceof Error && 'code' in error && String(error.code).startsWith('MAN_') ? error : readFailed(source, error);
  } finally {
    await handle?.close();
  }
}

const DTYPES = Object.keys(BYTES_PER_ELEMENT) as SafetensorsDtype[];

type ReadAt = (at: number, into: Uint8Array) => Promise<void>;

async function readFrom(where: string, size: number, only: (name: string) => boolean, read: ReadAt): Promise<SafetensorsFile> {
  const start = new Uint8Array(Math.min(8, size));
  await read(0, start);
  const length = headerLength(start, size, where);
  const headerBytes = new Uint8Array(length);
  await read(8, headerBytes);
  const { entries, metadata } = parseHeader(headerBytes, size - 8 - length, where, only);
  const tensors: Record<string, StoredTensor> = Object.create(null);
  for (const entry of entries) if (only(entry.name)) tensors[entry.name] = await readTensor(entry, 8 + length, where, read);
  return { tensors, metadata };
}

async function readTensor(entry: TensorEntry, dataStart: number, where: string, read: ReadAt): Promise<StoredTensor> {
  const { name, dtype, shape, begin, end } = entry;
  const bytes = new Uint8Array(end - begin);
  await read(dataStart + begin, bytes);
  if (dtype === 'F32') return { dtype, shape, data: new Float32Array(bytes.buffer) };
  if (dtype === 'I32') return { dtype, shape, data: new Int32Array(bytes.buffer) };
  if (dtype === 'BOOL') {
    const odd = bytes.find((byte) => byte > 1);
    if (odd !== undefined) throw badTensor(where, name, `expected booleans as bytes 0 and 1, got ${odd}`);
  }
  return { dtype: dtype as 'U8' | 'BOOL', shape, data: bytes };
}

async function readFully(handle: FileHandle, at: number, into: Uint8Array, file: string): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, at + done);
    if (bytesRead === 0) throw badHeader(file, 'it became shorter while it was read');
    done += bytesRead;
  }
}

const FROM_TFJS: Readonly<Record<string, SafetensorsDtype>> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };

async function toStored(name: string, tensor: Tensor | StoredTensor): Promise<StoredTensor> {
  let { dtype, shape, data } = tensor as { dtype: string; shape: readonly number[]; data: unknown };
  if (typeof data === 'function') {
    const known = FROM_TFJS[dtype];
    if (known === undefined) throw unwritableTensor(name, `expected float32, int32 or bool, got ${dtype}`);
    dtype = known;
    try {
      data = await (tensor as Tensor).data();
    } catch (cause) {
      throw unwritableTensor(name, cause instanceof Error ? cause.message : String(cause), cause);
    }
  }
  const arrays: Readonly<Record<string, unknown>> = { F32: Float32Array, I32: Int32Array, U8: Uint8Array, BOOL: Uint8Array };
  const expected = Object.hasOwn(arrays, dtype) ? (arrays[dtype] as new () => StoredTensor['data']) : undefined;
  if (expected === undefined) throw unwritableTensor(name, `expected dtype F32, I32, U8 or BOOL, got ${dtype}`);
  if (!(data instanceof expected)) throw unwritableTensor(name, `expected the data of ${dtype} as ${expected.name}`);
  if (
    !shape.every((size) => Number.isSafeInteger(size) && size >= 0) ||
    byteLength(shape, BYTES_PER_ELEMENT[dtype as SafetensorsDtype]) !== data.byteLength
  ) {
    throw unwritableTensor(name, `${data.length} elements do not fit the shape [${shape}]`);
  }
  if (dtype === 'BOOL' && data.some((value) => value > 1)) throw unwritableTensor(name, 'expected booleans as bytes 0 and 1');
  return { dtype, shape, data } as StoredTensor;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function buildHeader(stored: readonly (readonly [string, StoredTensor])[], metadata: Readonly<Record<string, string>> | undefined): Buffer {
  const members: string[] = [];
  if (metadata !== undefined && Object.keys(metadata).length > 0) {
    for (const [key, value] of Object.entries(metadata)) {
      if (typeof value !== 'string' || LONE_SURROGATE.test(key + value)) throw unwritableTensor('__metadata__', `${key} is not text`);
    }
    members.push(`"__metadata__":${JSON.stringify(metadata)}`);
  }
  let offset = 0;
  for (const [name, { dtype, shape, data }] of stored) {
    if (name === '__metadata__') throw unwritableTensor(name, 'this name is reserved; pass metadata as the third argument');
    if (LONE_SURROGATE.test(name)) throw unwritableTensor(name, 'its name is not valid Unicode');
    const end = offset + data.byteLength;
    members.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = Buffer.from(`{${members.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > MAX_HEADER_BYTES)
    throw unwritableTensor('__metadata__', `names and metadata take ${padded} bytes, at most ${MAX_HEADER_BYTES} are allowed`);
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}

function bytesOf(data: StoredTensor['data']): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
