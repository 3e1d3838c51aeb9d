import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { datasetConformance, runConformance } from '@man/testkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { cifar10, verifyCifar10 } from './cifar10.ts';
import { type Cifar100Options, cifar100With, verifyCifar100 } from './cifar100.ts';
import { CIFAR100_COARSE, CIFAR100_FINE } from './cifar100-classes.ts';
import { writeLayout } from './testing/files.ts';

const COUNT = 12;
let root = '';
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'man-cifar100-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  return folder;
};
const env = () => ({ XDG_CACHE_HOME: join(root, 'nowhere') });
const load = (dataDir: string, options: Cifar100Options = {}) => cifar100With({ dataDir, download: false, env: env(), ...options }, COUNT);

const fineOf = (record: number) => (record * 9) % 100;
const coarseOf = (record: number) => (record * 7) % 20;
const byteOf = (record: number, i: number) => (record * 3 + i * 7 + (i >> 10) * 5) & 255;

/** A file of the binary version: coarse label, fine label, planes. */
const binary = (first: number) =>
  Buffer.concat(
    Array.from({ length: COUNT }, (_, i) => {
      const record = first + i;
      const planes = Buffer.from(Uint8Array.from({ length: 3072 }, (_, k) => byteOf(record, k)));
      return Buffer.concat([Buffer.of(coarseOf(record), fineOf(record)), planes]);
    }),
  );

function write(folder: string): string {
  const set = join(folder, 'cifar-100-binary');
  mkdirSync(set);
  writeFileSync(join(set, 'train.bin'), binary(0));
  writeFileSync(join(set, 'test.bin'), binary(50));
  writeFileSync(join(set, 'fine_label_names.txt'), `${CIFAR100_FINE.join('\n')}\n`);
  writeFileSync(join(set, 'coarse_label_names.txt'), `${CIFAR100_COARSE.join('\n')}\n`);
  return set;
}

describe('cifar100 as a data set', () => {
  const create = () => {
    const folder = fresh();
    write(folder);
    return load(folder);
  };
  runConformance(datasetConformance(create), { test });
});

describe('cifar100', () => {
  it('reads pictures with the labels of the hundred classes or of the twenty', async () => {
    const folder = fresh();
    const inPlace = write(folder);
    for (const [place, labels, classes, of] of [
      [folder, 'fine', CIFAR100_FINE, fineOf],
      [inPlace, 'coarse', CIFAR100_COARSE, coarseOf],
    ] as const) {
      const dataset = await load(place, { labels });
      expect(dataset).toMatchObject({ name: 'cifar100', classes });
      expect([...dataset.train.labels]).toEqual(Array.from({ length: COUNT }, (_, i) => of(i)));
      expect([...dataset.test.labels]).toEqual(Array.from({ length: COUNT }, (_, i) => of(50 + i)));
      const images = dataset.test.images as Uint8Array;
      for (let i = 0; i < images.length; i++) {
        const [picture, pixel, channel] = [Math.floor(i / 3072), Math.floor((i % 3072) / 3), i % 3];
        if (images[i] !== byteOf(50 + picture, channel * 1024 + pixel)) throw new Error(`byte ${i}`);
      }
    }
    expect([CIFAR100_FINE.length, CIFAR100_COARSE.length, new Set(CIFAR100_FINE).size]).toEqual([100, 20, 100]);
  });

  it('tells damaged files from those of CIFAR-10', async () => {
    const folder = fresh();
    const set = write(folder);
    await expect(load(folder, { labels: 'both' as 'fine' })).rejects.toMatchObject({ code: 'MAN_CIFAR10_OPTION' });
    writeFileSync(join(set, 'fine_label_names.txt'), CIFAR100_COARSE.join('\n'));
    await expect(load(folder)).rejects.toMatchObject({ code: 'MAN_CIFAR10_CLASSES' });
    rmSync(join(set, 'fine_label_names.txt'));
    const bytes = binary(0);
    bytes[3 * 3074 + 1] = 100;
    writeFileSync(join(set, 'train.bin'), bytes);
    await expect(load(folder)).rejects.toMatchObject({
      code: 'MAN_CIFAR10_LABEL',
      message: expect.stringContaining('0 to 99 in record 3'),
    });
    await expect(load(fresh())).rejects.toMatchObject({ code: 'MAN_CIFAR10_NOT_FOUND', message: expect.stringContaining('CIFAR-100') });
  });
});

describe('cifar10 of parquet files', () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../../data/src/fixtures/parquet/${name}.parquet`, import.meta.url));
  const place = (codec: string, below = 'cifar10/plain_text') => {
    const folder = fresh();
    const set = join(folder, below);
    mkdirSync(set, { recursive: true });
    copyFileSync(fixture(`${codec}-v1`), join(set, 'train-00000-of-00002.parquet'));
    copyFileSync(fixture(`${codec}-v2`), join(set, 'train-00001-of-00002.parquet'));
    copyFileSync(fixture(`${codec}-v2`), join(set, 'test-00000-of-00001.parquet'));
    return { folder, set };
  };
  const open = (dataDir: string, layout: 'auto' | 'parquet' = 'auto') => cifar10({ dataDir, layout, download: false, env: env() });

  it.each(['none', 'snappy', 'gzip', 'zstd'])('reads what pyarrow writes with codec %s', async (codec) => {
    const { train, test } = await open(place(codec).folder);
    expect([train.size, test.size]).toEqual([20, 10]);
    expect([...train.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // The first pixel of the script's first picture.
    const images = test.images as Uint8Array;
    expect([...images.subarray(0, 3)]).toEqual([127, 127, 0]);
    expect(Buffer.compare((train.images as Uint8Array).subarray(0, images.length), images)).toBe(0);
  });

  it('finds them without the folder in between, and says what is missing', async () => {
    const { folder, set } = place('snappy', 'cifar-10');
    expect((await open(folder, 'parquet')).train.size).toBe(20);
    rmSync(join(set, 'test-00000-of-00001.parquet'));
    await expect(open(folder)).rejects.toMatchObject({
      code: 'MAN_CIFAR10_FILE_MISSING',
      message: expect.stringContaining('test-*.parquet'),
    });
    await expect(open(fresh(), 'parquet')).rejects.toMatchObject({ code: 'MAN_CIFAR10_NOT_FOUND' });
  });

  it('names a file that is none', async () => {
    const { folder, set } = place('snappy');
    writeFileSync(join(set, 'test-00000-of-00001.parquet'), readFileSync(fixture('snappy-v1')).subarray(0, 4000));
    await expect(open(folder)).rejects.toMatchObject({ code: 'MAN_DATA_PARQUET', message: expect.stringContaining('test-00000') });
  });
});

describe('verifyCifar10, verifyCifar100', () => {
  it('name every difference', async () => {
    const folder = fresh();
    write(folder);
    writeLayout(folder, 'binary', 20);
    const hundred = await verifyCifar100({ dataDir: folder, env: env() });
    expect(hundred.checks.filter(({ isRight }) => !isRight).map(({ subject }) => subject)).toEqual([
      'train.bin, bytes',
      'test.bin, bytes',
      'CIFAR-100',
    ]);
    const ten = await verifyCifar10({ dataDir: folder, env: env() });
    expect(ten.checks.every(({ isRight }) => !isRight)).toBe(true);
    await expect(verifyCifar10({ dataDir: fresh(), env: env() })).rejects.toMatchObject({ code: 'MAN_CIFAR10_NOT_FOUND' });
  });

  const real = process.env.MAN_DATA_DIR;
  it.skipIf(real === undefined || !existsSync(join(real, 'cifar-10-batches-bin')))(
    'finds the real labels as published (skipped: MAN_DATA_DIR has no cifar-10-batches-bin)',
    async () => {
      const seen = new Set<string>();
      const { checks } = await verifyCifar10({ onProgress: ({ file }) => seen.add(file) });
      const wrong = checks.filter(({ isRight }) => !isRight).map(({ subject }) => subject);
      // Some copies of the set have a few pictures in other bytes; sizes, labels and classes agree.
      expect(wrong.filter((subject) => !subject.endsWith('sha256'))).toEqual([]);
      expect(checks.length).toBe(19);
      expect(seen.size).toBe(6);
    },
  );
});
