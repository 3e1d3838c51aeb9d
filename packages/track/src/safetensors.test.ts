import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng, isManError } from '@man/base';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/python.safetensors', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file of the given header text and data, framed correctly. */
function framed(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  if (!isManError(error)) throw error;
  return `${error.code}: ${error.message}`;
}

describe('readSafetensors', () => {
  it('reads what Python wrote', async () => {
    const { tensors, metadata } = await readSafetensors(FIXTURE);
    expect(metadata).toEqual({ format: 'fixture' });
    expect(Object.keys(tensors).sort()).toEqual(
      ['bytes', 'empty', 'head.bias', 'mask', 'naïve "quoted" ☃', 'rng.words', 'stage1.unit0.kernel', 'step'].sort(),
    );
    expect(tensors['stage1.unit0.kernel']).toEqual({
      dtype: 'F32',
      shape: [2, 2, 3],
      data: Float32Array.from({ length: 12 }, (_, i) => i / 8 - 0.5),
    });
    expect(tensors['head.bias']?.data).toEqual(Float32Array.of(1.5, -2.25, 3e-8, Number.POSITIVE_INFINITY, Number.NaN));
    expect(tensors['rng.words']).toEqual({ dtype: 'I32', shape: [4], data: Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1) });
    expect(tensors.step).toEqual({ dtype: 'I32', shape: [], data: Int32Array.of(391) });
    expect(tensors.mask).toEqual({ dtype: 'BOOL', shape: [1, 3], data: Uint8Array.of(1, 0, 1) });
    expect(tensors.bytes).toEqual({ dtype: 'U8', shape: [3], data: Uint8Array.of(0, 127, 255) });
    expect(tensors.empty).toEqual({ dtype: 'F32', shape: [0, 4], data: new Float32Array() });
  });

  it('reads the same from bytes, at any alignment', async () => {
    const bytes = await readFile(FIXTURE);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(await readSafetensors(shifted.subarray(1))).toEqual(await readSafetensors(FIXTURE));
  });

  const one = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
  const cases: readonly [what: string, bytes: Uint8Array, expected: RegExp][] = [
    ['an empty file', new Uint8Array(), /HEADER.*at least 8 bytes, got 0/],
    ['a length beyond the file', Buffer.concat([framed('{}').subarray(0, 8), Buffer.from('{')]), /HEADER.*only 1 follow/],
    ['a length beyond reason', Buffer.from('ffffffffffffffff7b7d', 'hex'), /HEADER.*at most 100000000 bytes.*18446744073709551615/],
    ['a header that is no object', framed('[]'), /HEADER.*does not begin/],
    ['a header with leading space', framed(' {}'), /HEADER.*does not begin/],
    ['broken JSON', framed('{"a":'), /HEADER.*not JSON/],
    ['text that is not UTF-8', framed('{"a').map((byte, i) => (i === 10 ? 0xff : byte)), /HEADER.*not JSON in UTF-8/],
    ['a name twice', framed(`${one},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, new Uint8Array(8)), /HEADER.*key "a" twice/],
    [
      'a name twice, once escaped',
      framed(`${one},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, new Uint8Array(8)),
      /twice/,
    ],
    ['a field twice', framed('{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', new Uint8Array(4)), /"dtype" twice/],
    ['metadata that is no text', framed('{"__metadata__":{"epoch":3}}'), /HEADER.*__metadata__.*"epoch"/],
    ['metadata that is a list', framed('{"__metadata__":["a"]}'), /HEADER.*__metadata__/],
    ['bytes behind the last tensor', framed(`${one}}`, new Uint8Array(5)), /HEADER.*take 4 bytes, but 5 follow/],
    ['a tensor that is no object', framed('{"a":null}'), /TENSOR.*"a".*expected an object/],
    ['an unknown field', framed(`${one.slice(0, -1)},"strides":[1]}}`, new Uint8Array(4)), /TENSOR.*"a".*"strides"/],
    ['an unknown type', framed(`${one.replace('F32', 'F64')}}`, new Uint8Array(4)), /DTYPE.*"a".*"F64"/],
    ['a type from Object.prototype', framed(`${one.replace('F32', 'toString')}}`, new Uint8Array(4)), /DTYPE.*"a"/],
    ['a negative size', framed(`${one.replace('[1]', '[-1]')}}`, new Uint8Array(4)), /HEADER.*not whole/],
    ['a size with a point', framed(`${one.replace('[1]', '[1.0]')}}`, new Uint8Array(4)), /HEADER.*not whole/],
    ['a size as power', framed(`${one.replace('[1]', '[1e0]')}}`, new Uint8Array(4)), /HEADER.*not whole/],
    ['a size as text', framed(`${one.replace('[1]', '["1"]')}}`, new Uint8Array(4)), /TENSOR.*"a".*shape/],
    ['sizes that overflow', framed(`${one.replace('[1]', '[9007199254740991,9007199254740991,0]')}}`, new Uint8Array(4)), /TENSOR.*"a"/],
    ['a shape of another size', framed(`${one.replace('[1]', '[2]')}}`, new Uint8Array(4)), /TENSOR.*"a".*needs 8 bytes, but it has 4/],
    ['one offset', framed(`${one.replace('[0,4]', '[0]')}}`, new Uint8Array(4)), /TENSOR.*"a".*data_offsets/],
    ['offsets that run backwards', framed(`${one.replace('[0,4]', '[4,0]')}}`, new Uint8Array(4)), /TENSOR.*"a".*4…0/],
    ['offsets beyond the file', framed(`${one.replace('[0,4]', '[4,8]')}}`, new Uint8Array(4)), /TENSOR.*"a".*not within the 4/],
    ['a hole', framed(`${one.replace('[0,4]', '[4,8]')}}`, new Uint8Array(8)), /TENSOR.*"a".*no tensor holds the bytes from 0/],
    [
      'overlapping tensors',
      framed(`${one},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, new Uint8Array(6)),
      /TENSOR.*"b".*overlap/,
    ],
    ['a boolean of 2', framed('{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}', Uint8Array.of(1, 2)), /TENSOR.*"a".*got 2/],
  ];
  it.each(cases)('refuses %s', async (_, bytes, expected) => {
    expect(await codeOf(readSafetensors(bytes))).toMatch(expected);
  });

  it('reads only what is asked for, whatever the type of the rest', async () => {
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"n":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}';
    const file = framed(header, new Uint8Array(12));
    expect(Object.keys((await readSafetensors(file, { only: (name) => name === 'a' })).tensors)).toEqual(['a']);
    expect(await codeOf(readSafetensors(file))).toMatch(/DTYPE.*"n".*"I64"/);
    expect(await codeOf(readSafetensors(framed(header.replace('[4,12]', '[4,11]'), new Uint8Array(11)), { only: () => false }))).toMatch(
      /TENSOR.*"n".*needs 8 bytes/,
    );
  });

  it('keeps names like __proto__ as names', async () => {
    const { tensors } = await readSafetensors(framed('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', Uint8Array.of(9)));
    expect(Object.getOwnPropertyDescriptor(tensors, '__proto__')?.value).toEqual({ dtype: 'U8', shape: [1], data: Uint8Array.of(9) });
  });

  it('names a file that is not there', async () => {
    expect(await codeOf(readSafetensors(join(folder, 'none.safetensors')))).toMatch(/READ_FAILED.*none\.safetensors.*does not exist/);
  });

  it('survives deep and long headers without recursion', async () => {
    expect(await codeOf(readSafetensors(framed(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)))).toMatch(/TENSOR.*"a"/);
    const long = `{"__metadata__":{"note":"${'\\"x'.repeat(2_000_000)}"}}`;
    expect((await readSafetensors(framed(long))).metadata.note).toHaveLength(4_000_000);
  });

  it('meets 4000 mutations of a valid file with nothing but ManErrors and the bytes that are there', async () => {
    const valid = new Uint8Array(await readFile(FIXTURE));
    const rng = createRng('safetensors fuzz');
    let accepted = 0;
    for (let round = 0; round < 4000; round++) {
      let mutant: Uint8Array = valid.slice();
      for (let edits = rng.integer(4) + 1; edits > 0; edits--) {
        // Mostly within the header, where the structure is.
        const at = rng.integer(rng.integer(4) === 0 ? mutant.length : Math.min(mutant.length, 760));
        const kind = rng.integer(4);
        if (kind === 0) mutant[at] = rng.integer(256);
        else if (kind === 1) mutant[at] = '0123456789{}[]",:.-e'.charCodeAt(rng.integer(20));
        else if (kind === 2) mutant = mutant.slice(0, at);
        else mutant = Buffer.concat([mutant.subarray(0, at), valid.subarray(at, at + rng.integer(20)), mutant.subarray(at)]);
        if (mutant.length === 0) break;
      }
      try {
        const { tensors } = await readSafetensors(mutant);
        accepted++;
        const bytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
        expect(bytes).toBeLessThanOrEqual(mutant.length);
      } catch (error) {
        if (!isManError(error)) throw error;
        expect(error.code).toMatch(/^MAN_TRACK_SAFETENSORS_/);
      }
    }
    // Changed data bytes and names are still valid files; changed structure is not.
    expect(accepted).toBeGreaterThan(40);
    expect(accepted).toBeLessThan(2500);
  });
});

describe('writeSafetensors', () => {
  it('writes what it read byte for byte as Python did', async () => {
    const { tensors, metadata } = await readSafetensors(FIXTURE);
    const file = join(folder, 'again.safetensors');
    await writeSafetensors(file, tensors, metadata);
    expect((await readFile(file)).equals(await readFile(FIXTURE))).toBe(true);
    expect((await readFile(file)).readUInt32LE() % 8).toBe(0);
  });

  it('writes tensors and variables of the engine as they are at the call and leaves them alone', async () => {
    const file = join(folder, 'engine.safetensors');
    const before = tf.memory().numTensors;
    const variable = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    const others = { count: tf.tensor1d([1, -2], 'int32'), seen: tf.tensor1d([true, false], 'bool'), one: tf.scalar(0.5) };
    const held = tf.memory().numTensors;
    const writing = writeSafetensors(file, { variable, ...others });
    variable.assign(tf.zeros([2, 2]));
    await writing;
    expect(tf.memory().numTensors).toBe(held + 1);
    expect((await readSafetensors(file)).tensors).toEqual({
      variable: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      count: { dtype: 'I32', shape: [2], data: Int32Array.of(1, -2) },
      seen: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      one: { dtype: 'F32', shape: [], data: Float32Array.of(0.5) },
    });
    tf.disposeVariables();
    tf.dispose(others);
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 2);
  });

  const data = Float32Array.of(1);
  const bad: readonly [what: string, tensors: Record<string, unknown>, expected: RegExp][] = [
    ['a shape that does not fit', { a: { dtype: 'F32', shape: [2], data } }, /"a": 1 elements do not fit the shape \[2\]/],
    ['a negative shape', { a: { dtype: 'F32', shape: [-1, -1], data } }, /do not fit/],
    ['data of another type', { a: { dtype: 'I32', shape: [1], data } }, /"a": expected the data of I32 as Int32Array/],
    ['an unknown type', { a: { dtype: 'F64', shape: [1], data } }, /"a": expected dtype/],
    ['a reserved name', { __metadata__: { dtype: 'F32', shape: [1], data } }, /reserved/],
    ['a name that is not Unicode', { '\ud800': { dtype: 'F32', shape: [1], data } }, /Unicode/],
    ['booleans above 1', { a: { dtype: 'BOOL', shape: [1], data: Uint8Array.of(3) } }, /booleans/],
  ];
  it.each(bad)('refuses %s and keeps the former file', async (_, tensors, expected) => {
    const file = join(folder, 'kept.safetensors');
    await writeFile(file, 'former');
    const message = await codeOf(writeSafetensors(file, tensors as Record<string, StoredTensor>));
    expect(message).toMatch(/^MAN_TRACK_TENSOR_UNWRITABLE/);
    expect(message).toMatch(expected);
    expect(await readFile(file, 'utf8')).toBe('former');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('names a disposed tensor and a complex one', async () => {
    const gone = tf.scalar(1);
    gone.dispose();
    expect(await codeOf(writeSafetensors(join(folder, 'x'), { gone }))).toMatch(/"gone".*disposed/);
    const complex = tf.complex([1], [2]);
    expect(await codeOf(writeSafetensors(join(folder, 'x'), { complex }))).toMatch(/"complex".*complex64/);
    complex.dispose();
  });
});
