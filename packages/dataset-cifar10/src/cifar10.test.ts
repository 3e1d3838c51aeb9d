import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { ImageSplit } from '@man/data';
import { datasetConformance, runConformance } from '@man/testkit';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Cifar10Options, cifar10, cifar10With } from './cifar10.ts';
import { CIFAR10_CLASSES } from './sets.ts';
import { layoutFiles, metaFile, records, writeLayout } from './testing/files.ts';

const COUNT = 20;
let root = '';
let nowhere = '';
let made = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'man-cifar10-'));
  nowhere = join(root, 'nowhere');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  return folder;
};
const load = (dataDir: string, options: Cifar10Options = {}) =>
  cifar10With({ dataDir, download: false, env: { XDG_CACHE_HOME: nowhere }, ...options }, COUNT);

async function archive(folder: string, name: 'binary' | 'python'): Promise<Buffer> {
  const tar = pack();
  for (const [file, bytes] of layoutFiles(name, COUNT))
    tar.entry({ name: `cifar-10-batches-${name === 'binary' ? 'bin' : 'py'}/${file}` }, bytes);
  tar.finalize();
  const packed = gzipSync(await buffer(tar as unknown as AsyncIterable<Uint8Array>));
  writeFileSync(join(folder, `cifar-10-${name}.tar.gz`), packed);
  return packed;
}

/** What the set must be, written down from the planes: picture by picture, pixel by pixel. */
function expectRecords(split: ImageSplit, first: number): void {
  const images = split.images as Uint8Array;
  for (let batch = 0; batch * COUNT < split.size; batch++) {
    const { labels, planes } = records(first + batch * COUNT, COUNT);
    expect([...split.labels.subarray(batch * COUNT, (batch + 1) * COUNT)]).toEqual(labels);
    const expected = new Uint8Array(planes.length);
    planes.forEach((value, i) => {
      const [picture, channel, pixel] = [Math.floor(i / 3072), Math.floor((i % 3072) / 1024), i % 1024];
      expected[picture * 3072 + pixel * 3 + channel] = value;
    });
    expect(Buffer.compare(images.subarray(batch * COUNT * 3072, (batch + 1) * COUNT * 3072), expected)).toBe(0);
  }
}

describe('cifar10', () => {
  it.each(['binary', 'python'] as const)('reads the %s version, unpacked, in place, and packed', async (name) => {
    const unpacked = fresh();
    const inPlace = writeLayout(unpacked, name, COUNT);
    const packed = fresh();
    await archive(packed, name);
    for (const folder of [unpacked, inPlace, packed]) {
      const dataset = await load(folder);
      expect(dataset).toMatchObject({ name: 'cifar10', classes: CIFAR10_CLASSES, imageShape: [32, 32, 3] });
      expect([dataset.train.size, dataset.test.size]).toEqual([5 * COUNT, COUNT]);
      expectRecords(dataset.train, 0);
      expectRecords(dataset.test, 5 * COUNT);
    }
    expect(readdirSync(packed)).toHaveLength(1);
  });

  it('looks in the named folder, MAN_DATA_DIR, then the cache, and takes the version asked for', async () => {
    const [named, variable, cache] = [fresh(), fresh(), fresh()];
    const env = { MAN_DATA_DIR: variable, XDG_CACHE_HOME: cache };
    writeLayout(join(cache, 'man', 'data'), 'binary', COUNT);
    expectRecords((await load(named, { env })).test, 5 * COUNT);
    const python = writeLayout(variable, 'python', COUNT);
    writeFileSync(join(python, 'batches.meta'), metaFile('python', ['other']));
    await expect(load(named, { env })).rejects.toMatchObject({ code: 'MAN_CIFAR10_CLASSES' });
    expectRecords((await load(named, { env, layout: 'binary' })).test, 5 * COUNT);
    await expect(load(named, { env, layout: 'matlab' as 'auto' })).rejects.toMatchObject({ code: 'MAN_CIFAR10_OPTION' });
  });

  it('says where it looked, and what to get', async () => {
    const folder = fresh();
    await expect(load(folder)).rejects.toMatchObject({
      code: 'MAN_CIFAR10_NOT_FOUND',
      message: expect.stringContaining(folder),
      hint: expect.stringContaining('cifar-10-binary.tar.gz'),
    });
  });
});

describe('cifar10 as a data set', () => {
  const create = () => {
    const folder = fresh();
    writeLayout(folder, 'binary', COUNT);
    return load(folder);
  };
  runConformance(datasetConformance(create), { test });
});

describe('cifar10 of damaged files', () => {
  let good = '';
  beforeAll(() => {
    good = fresh();
    writeLayout(good, 'binary', COUNT);
    writeLayout(good, 'python', COUNT);
  });
  const damaged = (damage: (bin: string, py: string) => void) => {
    const folder = fresh();
    cpSync(good, folder, { recursive: true });
    damage(join(folder, 'cifar-10-batches-bin'), join(folder, 'cifar-10-batches-py'));
    return folder;
  };

  it.each<[string, string, 'binary' | 'python', (bin: string, py: string) => void]>([
    ['MAN_CIFAR10_FILE_MISSING', 'data_batch_3.bin', 'binary', (bin) => rmSync(join(bin, 'data_batch_3.bin'))],
    ['MAN_CIFAR10_FILE_MISSING', 'test_batch', 'python', (_, py) => rmSync(join(py, 'test_batch'))],
    ['MAN_CIFAR10_SIZE', 'expected 61460 bytes, found 61459', 'binary', (bin) => truncateSync(join(bin, 'test_batch.bin'), 61_459)],
    ['MAN_CIFAR10_PICKLE', 'data_batch_2', 'python', (_, py) => truncateSync(join(py, 'data_batch_2'), 40_000)],
    ['MAN_CIFAR10_CONTENTS', 'expected 20 labels', 'python', (_, py) => writeFileSync(join(py, 'data_batch_2'), metaFile('python'))],
    [
      'MAN_CIFAR10_CLASSES',
      'truck',
      'binary',
      (bin) => writeFileSync(join(bin, 'batches.meta.txt'), metaFile('binary', ['apple', 'pear'])),
    ],
    ['MAN_CIFAR10_CONTENTS', 'label_names', 'python', (_, py) => cpSync(join(py, 'test_batch'), join(py, 'batches.meta'))],
  ])('throws %s naming %s', async (code, words, layout, damage) => {
    await expect(load(damaged(damage), { layout })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('names the record with an impossible label', async () => {
    const folder = damaged((bin) => {
      const file = Buffer.concat(
        layoutFiles('binary', COUNT)
          .filter(([name]) => name === 'data_batch_4.bin')
          .map(([, bytes]) => bytes),
      );
      file[3073 * 7] = 10;
      writeFileSync(join(bin, 'data_batch_4.bin'), file);
    });
    await expect(load(folder, { layout: 'binary' })).rejects.toMatchObject({
      code: 'MAN_CIFAR10_LABEL',
      message: expect.stringMatching(/data_batch_4.bin.*record 7, found 10/),
    });
  });

  it('does without the file of class names', async () => {
    const folder = damaged((bin) => rmSync(join(bin, 'batches.meta.txt')));
    expectRecords((await load(folder, { layout: 'binary' })).train, 0);
  });

  it('checks published checksums and counts when asked to', async () => {
    await expect(load(good, { layout: 'python', verify: true })).rejects.toMatchObject({
      code: 'MAN_DATA_CHECKSUM',
      message: expect.stringContaining('c99cafc152244af753f735de768cd75f'),
    });
    expectRecords((await load(good, { layout: 'binary', verify: true })).train, 0);
    const skewed = damaged((bin) => cpSync(join(bin, 'data_batch_1.bin'), join(bin, 'copy')));
    const bytes = layoutFiles('binary', COUNT).find(([name]) => name === 'data_batch_1.bin')?.[1] as Buffer;
    bytes[0] = 1;
    writeFileSync(join(skewed, 'cifar-10-batches-bin', 'data_batch_1.bin'), bytes);
    await expect(load(skewed, { layout: 'binary', verify: true })).rejects.toMatchObject({ code: 'MAN_CIFAR10_COUNTS' });
    const packed = fresh();
    await archive(packed, 'binary');
    await expect(load(packed, { verify: true })).rejects.toMatchObject({ code: 'MAN_DATA_CHECKSUM' });
  });

  it('names what an archive lacks', async () => {
    const folder = fresh();
    const tar = pack();
    tar.entry({ name: 'cifar-10-batches-bin/batches.meta.txt' }, metaFile('binary'));
    tar.finalize();
    writeFileSync(join(folder, 'cifar-10-binary.tar.gz'), gzipSync(await buffer(tar as unknown as AsyncIterable<Uint8Array>)));
    await expect(load(folder)).rejects.toMatchObject({
      code: 'MAN_CIFAR10_FILE_MISSING',
      message: expect.stringContaining('data_batch_1.bin'),
    });
  });
});

describe('cifar10 with a download', () => {
  it('asks the mirror, and keeps nothing that is not the published archive', async () => {
    const [source, folder] = [fresh(), fresh()];
    const packed = await archive(source, 'binary');
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end(packed);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`;
      const env = { XDG_CACHE_HOME: nowhere, MAN_CIFAR10_URL: mirror };
      await expect(load(folder, { download: true, env })).rejects.toMatchObject({
        code: 'MAN_DATA_CHECKSUM',
        message: expect.stringContaining('c32a1d4ab5d03f1284b67883e8d87530'),
      });
      expect([asked, readdirSync(folder)]).toEqual([1, []]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('says, when that fails, where to put the archive by hand', async () => {
    const folder = fresh();
    const refuse = async () => new Response('gone', { status: 404 });
    await expect(load(folder, { download: true, fetch: refuse })).rejects.toMatchObject({
      code: 'MAN_DATA_HTTP',
      message: expect.stringContaining('cifar-10-binary.tar.gz answered 404'),
      hint: expect.stringContaining(join(folder, 'cifar-10-binary.tar.gz')),
    });
  });

  it('can be stopped', async () => {
    const stop = new AbortController();
    const offline = async () => {
      throw new TypeError('fetch failed');
    };
    const work = load(fresh(), { download: true, fetch: offline, signal: stop.signal });
    setTimeout(() => stop.abort(), 50);
    await expect(work).rejects.toMatchObject({ code: 'MAN_DATA_ABORTED' });
  });
});

const dataDir = process.env.MAN_DATA_DIR;
const real = dataDir !== undefined && existsSync(join(dataDir, 'cifar-10-batches-bin'));

describe.skipIf(!real)('cifar10 of the real files (skipped: MAN_DATA_DIR has no cifar-10-batches-bin)', () => {
  it('has the pictures and labels that it is known for, in 1.5 seconds', async () => {
    const started = performance.now();
    const { train, test } = await cifar10({ download: false });
    // Alone it takes half a second; tests share the machine.
    expect(performance.now() - started).toBeLessThan(4500);
    expect([train.size, test.size]).toEqual([50_000, 10_000]);
    expect([...train.labels.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    expect([...test.labels.subarray(0, 10)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    const red = [0, 1, 2].map((pixel) => (train.images as Uint8Array)[pixel * 3]);
    expect(red).toEqual([59, 43, 50]);
    const { normalization } = await cifar10({ download: false, verify: true });
    const images = train.images as Uint8Array;
    for (const c of [0, 1, 2]) {
      let sum = 0;
      for (let i = c; i < images.length; i += 3) sum += images[i] as number;
      expect(sum / (images.length / 3) / 255).toBeCloseTo(normalization.mean[c] as number, 3);
    }
  });
});
