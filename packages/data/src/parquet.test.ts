import { readFileSync } from 'node:fs';
import { createRng } from '@man/base';
import { describe, expect, it } from 'vitest';
import { memorySource } from './byte-source.ts';
import { parquetOf } from './parquet.ts';
import { checkThrift } from './thrift.ts';

const NAMES = ['none', 'snappy', 'gzip', 'zstd'].flatMap((codec) => [`${codec}-v1`, `${codec}-v2`]);
const fixture = (name: string) => readFileSync(new URL(`./fixtures/parquet/${name}.parquet`, import.meta.url));
const open = (bytes: Uint8Array) => parquetOf(memorySource(bytes, 'file.parquet'));
const refused = { code: 'MAN_DATA_PARQUET', message: expect.stringContaining('file.parquet: ') };

/** Everything that a file holds. */
async function readAll(bytes: Uint8Array): Promise<unknown[]> {
  const file = await open(bytes);
  const all: unknown[] = [];
  for (const path of [['img', 'bytes'], ['img', 'path'], ['label']]) {
    for (const group of file.rowGroups.keys()) all.push(...(await file.read(path, group)));
  }
  return all;
}

describe('openParquet', () => {
  it.each(NAMES)('reads what pyarrow writes: %s', async (name) => {
    const file = await open(fixture(name));
    expect([file.columns, file.rowGroups]).toEqual([
      ['img', 'label'],
      [4, 4, 2],
    ]);
    const labels: unknown[] = [];
    for (const group of [0, 1, 2]) labels.push(...(await file.read(['label'], group)));
    expect(labels).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
    const pictures = (await file.read(['img', 'bytes'], 1)) as Uint8Array[];
    for (const [i, bytes] of pictures.entries()) {
      // A PNG of 32×32, whole.
      expect([...bytes.subarray(0, 4), bytes[19], bytes[23]]).toEqual([0x89, 0x50, 0x4e, 0x47, 32, 32]);
      expect(Buffer.from(bytes.subarray(-8)).toString('hex')).toBe('49454e44ae426082');
      expect(fixture('none-v2').includes(Buffer.from(bytes)), `picture ${i}`).toBe(true);
    }
    await expect(file.read(['image'], 0)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('only img.bytes, img.path, label'),
    });
    await expect(file.read(['label'], 3)).rejects.toMatchObject(refused);
  });
});

/** A file with a footer. */
const fileOf = (footer: Uint8Array) => {
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(footer.length);
  tail.write('PAR1', 4);
  return Buffer.concat([Buffer.from('PAR1'), footer, tail]);
};

describe('openParquet of files that lie', () => {
  it.each<[string, Uint8Array]>([
    ['does not end like', Buffer.from('<html>please log in</html>')],
    ['does not end like', Buffer.alloc(3)],
    ['table of contents has', Buffer.concat([Buffer.from('PAR1'), Buffer.from([255, 255, 255, 255]), Buffer.from('PAR1')])],
    // A list of two billion elements, and lists within lists: a reader that trusts them makes memory for each.
    ['a list of 2147483647 elements', fileOf(Buffer.from([0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0]))],
    ['structs within each other', fileOf(Buffer.from([0x29, ...Array.from({ length: 40 }, () => 0x19), 0]))],
    ['more than ten bytes', fileOf(Buffer.from([0x15, ...Array.from({ length: 12 }, () => 0xff), 0]))],
    ['are announced', fileOf(Buffer.from([0x18, 0xff, 0xff, 0x7f, 0]))],
    ['ends too early', fileOf(Buffer.from([0x15, 0x02]))],
  ])('says: %s', async (problem, bytes) => {
    await expect(readAll(bytes)).rejects.toMatchObject({ ...refused, message: expect.stringContaining(problem) });
  });

  it('makes no memory for pages that announce more than there is', async () => {
    const good = fixture('none-v1');
    // The first page's header stands behind the first four bytes; its unpacked size is its second field.
    const changed = Buffer.from(good);
    const header = Buffer.from([...changed.subarray(4, 6), 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f]);
    header.copy(changed, 4);
    const before = process.memoryUsage().rss;
    await expect(readAll(changed)).rejects.toMatchObject(refused);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it('survives every truncation and any changed byte with a named error or a value', async () => {
    const rng = createRng('parquet');
    for (const name of NAMES) {
      const good = fixture(name);
      for (let i = 0; i < 60; i++) {
        const changed = Uint8Array.from(i % 5 === 0 ? good.subarray(0, rng.integer(good.length)) : good);
        // What matters stands at the beginning of pages and at the end of the file.
        const place = () =>
          rng.integer(2) === 0 ? changed.length - 1 - rng.integer(Math.min(1200, changed.length)) : rng.integer(changed.length);
        for (let k = 0; k <= rng.integer(4) && changed.length > 0; k++) changed[place()] = rng.integer(256);
        await readAll(changed).catch((error: unknown) => expect(error).toMatchObject({ code: 'MAN_DATA_PARQUET' }));
      }
    }
  });
});

describe('checkThrift', () => {
  it('finds the end of a struct', () => {
    const bytes = Uint8Array.of(0x15, 0x04, 0x18, 2, 65, 66, 0x11, 0x12, 0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x19, 0x25, 2, 4, 0, 99);
    expect(checkThrift(bytes, 0)).toBe(bytes.length - 1);
    for (let end = 0; end < bytes.length - 1; end++) expect(() => checkThrift(bytes.subarray(0, end), 0)).toThrow(RangeError);
  });
});
