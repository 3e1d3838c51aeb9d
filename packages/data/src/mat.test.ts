import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { createRng } from '@man/base';
import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { type MatVariable, readMat } from './mat.ts';
import type { MatValue } from './mat-values.ts';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/mat/${name}.mat`, import.meta.url));
const read = (bytes: Uint8Array, visit: (variable: MatVariable) => Promise<void> | void, options = {}) =>
  readMat(memorySource(bytes, 'file.mat'), visit, options);
const refused = (problem: string) => ({ code: 'MAN_DATA_MAT', message: expect.stringContaining(problem) });

/** All variables as values. */
async function valuesOf(bytes: Uint8Array): Promise<Record<string, MatValue>> {
  const found: Record<string, MatValue> = {};
  await read(bytes, async (variable) => {
    found[variable.name] = await variable.value();
  });
  return found;
}

describe('readMat', () => {
  const kinds = ['uint8', 'double', 'single', 'int32', 'uint16', 'int64'];
  it.each(kinds.flatMap((kind) => [`${kind}-plain`, `${kind}-packed`]))('reads numbers as scipy writes them: %s', async (name) => {
    const x = new Uint8Array(4 * 3 * 3 * 7);
    const y = new Int32Array(7);
    const seen: unknown[] = [];
    await read(fixture(name), async (variable) => {
      seen.push([variable.name, variable.type, variable.dims]);
      await variable.read(variable.name === 'X' ? x : y);
    });
    expect(seen).toEqual([
      ['X', 'uint8', [4, 3, 3, 7]],
      ['y', name.split('-')[0], [7, 1]],
    ]);
    expect([...x]).toEqual(Array.from({ length: 252 }, (_, i) => (i * 37) & 255));
    expect([...y]).toEqual([5, 2, 1, 10, 6, 1, 9]);
  });

  it('reads doubles that are stored as bytes, as MATLAB does', async () => {
    const y = new Uint8Array(7);
    await read(fixture('double-stored-small'), (variable) => variable.read(y));
    expect([...y]).toEqual([5, 2, 1, 10, 6, 1, 9]);
  });

  it.each(['plain', 'packed'])('reads structs as scipy writes them: %s', async (suffix) => {
    const { synsets } = await valuesOf(fixture(`synsets-${suffix}`));
    if (synsets?.kind !== 'structs') throw new Error('structs were expected');
    expect([synsets.dims, synsets.structs.length]).toEqual([[6, 1], 6]);
    const rows = synsets.structs.map((row) => ['ILSVRC2012_ID', 'WNID', 'words', 'num_children', 'children'].map((name) => row.get(name)));
    const plain = rows.map((row) =>
      row.map((value) => (value?.kind === 'text' ? value.text : value?.kind === 'numbers' ? [...value.values] : null)),
    );
    expect(plain).toEqual([
      [[1], 'n02119789', 'kit fox, Vulpes macrotis', [0], []],
      [[2], 'n02100735', 'English setter', [0], []],
      [[3], 'n01440764', 'tench, Tinca tinca', [0], []],
      [[4], 'n02012849', 'crane', [0], []],
      [[5], 'n03126707', 'crane', [0], []],
      [[6], 'n00001740', 'entity', [2], [1, 2]],
    ]);
  });

  it('skips what is not read, and passes on what the visitor throws', async () => {
    const names: string[] = [];
    await read(fixture('text'), (variable) => void names.push(`${variable.name} ${variable.type}`));
    expect(names).toEqual(['note char', 'empty double', 'nan double']);
    const { nan } = await valuesOf(fixture('text'));
    expect(nan).toEqual({ kind: 'numbers', dims: [1, 2], values: Float64Array.of(Number.NaN, 1) });
    const failing = read(fixture('int32-packed'), () => {
      throw new RangeError('mine');
    });
    await expect(failing).rejects.toThrow(RangeError);
  });

  it.each<[string, Uint8Array | Int32Array, string]>([
    ['int32-plain', new Uint8Array(6), 'not of 6 numbers'],
    ['text', new Uint8Array(14), 'numbers were expected'],
  ])('refuses the wrong memory: %s', async (name, out, problem) => {
    await expect(read(fixture(name), (variable) => (variable.name === 'X' ? undefined : variable.read(out)))).rejects.toMatchObject(
      refused(problem),
    );
  });

  it('refuses numbers that do not fit', async () => {
    const bytes = Uint8Array.from(fixture('double-plain'));
    // The last label, 9, becomes 9.5.
    new DataView(bytes.buffer).setFloat64(bytes.length - 8, 9.5, true);
    await expect(
      read(bytes, ({ name, ...variable }) => (name === 'y' ? variable.read(new Uint8Array(7)) : undefined)),
    ).rejects.toMatchObject(refused('number 6 of variable y is 9.5'));
  });
});

/** A file of one element. */
function fileOf(...element: Uint8Array[]): Buffer {
  const header = Buffer.alloc(128);
  header.write('MATLAB 5.0 MAT-file');
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126);
  return Buffer.concat([header, ...element]);
}
const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const packed = (content: Uint8Array) => {
  const body = deflateSync(content, { level: 9 });
  return Buffer.concat([words(15, body.length), body]);
};
/** A matrix of uint8 of the shape, with so many bytes of data announced and given. */
const matrix = (dims: readonly [number, number], announced: number, given: number, length = 48 + given) =>
  Buffer.concat([words(14, length, 6, 8, 9, 0, 5, 8, ...dims), words(0x10001, 0x58, 2, announced), Buffer.alloc(given)]);

describe('readMat of files that lie', () => {
  const readX = (bytes: Uint8Array, options = {}) =>
    read(
      bytes,
      (variable) =>
        variable.read(
          new Uint8Array(
            Math.min(
              1e6,
              variable.dims.reduce((a, b) => a * b),
            ),
          ),
        ),
      options,
    );

  it.each<[string, Uint8Array]>([
    ['does not begin like', Buffer.from('<html>please log in</html>')],
    ['7.3', Buffer.concat([Buffer.from('MATLAB 7.3 MAT-file'), Buffer.alloc(600)])],
    ['big-endian', Buffer.concat([fileOf().subarray(0, 124), Buffer.from([1, 0]), Buffer.from('MI')])],
    ['ends behind the file', fileOf(words(14, 0xffffffff))],
    ['should begin', fileOf(Buffer.alloc(3))],
    ['does not begin with its flags', fileOf(words(14, 8, 1, 0))],
    ['has no shape', fileOf(words(14, 40, 6, 8, 9, 0, 5, 4, 1, 0, 0, 0))],
    ['a matrix of', fileOf(matrix([-1, 5] as [number, number], 4, 8))],
    ['bytes of type 2 for 6 numbers', fileOf(matrix([2, 3], 5, 8))],
    ['bytes of type 2 for 1000000 numbers', fileOf(matrix([1000, 1000], 1_000_000, 8))],
    ['cannot be unpacked', fileOf(words(15, 8), Buffer.alloc(8, 7))],
    ['holds no variable', fileOf(packed(words(15, 0)))],
    ['ends after', fileOf(packed(matrix([2, 3], 6, 2, 54)))],
  ])('says: %s', async (problem, bytes) => {
    await expect(readX(bytes)).rejects.toMatchObject(refused(problem));
  });

  it('does not unpack more than allowed, however well it is packed', async () => {
    const bomb = fileOf(packed(matrix([5000, 4000], 20e6, 20e6)));
    expect(bomb.length).toBeLessThan(30_000);
    await expect(readX(bomb, { maxBytes: 1e6 })).rejects.toMatchObject(refused('at most 1000000 are unpacked'));
    // Nobody asked for its numbers: nothing is unpacked beyond the header.
    const names: string[] = [];
    await read(bomb, ({ name }) => void names.push(name));
    expect(names).toEqual(['X']);
    await expect(read(fileOf(packed(matrix([1, 1], 1, 70e6))), async (variable) => void (await variable.value()))).rejects.toMatchObject(
      refused('are read at once'),
    );
  });

  it('refuses counts of cells that cannot be, before memory is made for them', async () => {
    const cell = Buffer.concat([words(14, 48, 6, 8, 1, 0, 5, 8, 1e6, 1e6), words(0x10001, 0x58), Buffer.alloc(8)]);
    await expect(valuesOf(fileOf(cell))).rejects.toMatchObject(refused('variables in'));
  });

  it('survives every truncation and any changed byte with a named error or a value', async () => {
    const rng = createRng('mat');
    const names = ['synsets-plain', 'synsets-packed', 'double-plain', 'int32-packed', 'text'];
    const attempt = async (bytes: Uint8Array) => {
      await valuesOf(bytes).catch((error: unknown) => expect(error).toMatchObject({ code: 'MAN_DATA_MAT' }));
    };
    for (const name of names) {
      const good = fixture(name);
      for (let at = 0; at < good.length; at += 5) await attempt(good.subarray(0, at));
      for (let i = 0; i < 400; i++) {
        const changed = Uint8Array.from(good);
        for (let k = 0; k <= rng.integer(3); k++) changed[rng.integer(changed.length)] = rng.integer(256);
        await attempt(changed);
      }
    }
    for (let i = 0; i < 300; i++) {
      await attempt(fileOf(Uint8Array.from({ length: rng.integer(300) }, () => rng.integer(256))));
      await attempt(
        fileOf(
          words(14, 64),
          Uint8Array.from({ length: 64 }, () => rng.integer(8)),
        ),
      );
    }
  });
});
