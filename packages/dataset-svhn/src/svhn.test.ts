import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check, ImageSplit } from '@man/data';
import { datasetConformance, runConformance } from '@man/testkit';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type SvhnOptions, svhn, verifySvhn } from './svhn.ts';
import { labelOf, matFile, pixelOf } from './testing/files.ts';

let root = '';
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'man-svhn-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  return folder;
};
const env = () => ({ XDG_CACHE_HOME: join(root, 'nowhere') });
const load = (dataDir: string, options: SvhnOptions = {}) => svhn({ dataDir, download: false, env: env(), ...options });

/** A folder with the set: pictures 0 … 6 to train on, 100 … 102 to test, 200 … 204 further ones. */
function write(folder: string, below = 'svhn', options: Parameters<typeof matFile>[2] = {}): string {
  mkdirSync(join(folder, below), { recursive: true });
  writeFileSync(join(folder, below, 'train_32x32.mat'), matFile(0, 7, options));
  writeFileSync(join(folder, below, 'test_32x32.mat'), matFile(100, 3, options));
  writeFileSync(join(folder, below, 'extra_32x32.mat'), matFile(200, 5, options));
  return join(folder, below);
}

describe('svhn as a data set', () => {
  const create = () => {
    const folder = fresh();
    write(folder);
    return load(folder);
  };
  runConformance(datasetConformance(create), { test });
});

describe('svhn', () => {
  it.each([{ packed: true }, { packed: false }, { y: 'uint8' as const }])(
    'reads pictures upright and digits as they are: %j',
    async (form) => {
      const folder = fresh();
      write(folder, 'svhn', form);
      const { train, test, extra, classes, augmentation } = await load(folder);
      expect([train.size, test.size, extra, classes]).toEqual([7, 3, null, [...'0123456789']]);
      expect([...train.labels]).toEqual([0, 1, 2, 3, 4, 5, 6].map(labelOf));
      expect(train.labels).toContain(0);
      for (const [split, first] of [
        [train, 0],
        [test, 100],
      ] as const) {
        const expected = new Uint8Array(split.size * 3072);
        for (let i = 0; i < expected.length; i++) {
          const [picture, y, x, c] = [Math.floor(i / 3072), Math.floor((i % 3072) / 96), Math.floor((i % 96) / 3), i % 3];
          expected[i] = pixelOf(first + picture, y, x, c);
        }
        expect(Buffer.compare(split.images as Uint8Array, expected)).toBe(0);
      }
      expect(augmentation).toEqual({ pad: 2, padMode: 'zero', crop: 32, flip: false });
    },
  );

  it('gives the further pictures separately, or adds them', async () => {
    const folder = fresh();
    write(folder);
    const separate = await load(folder, { extra: 'separate' });
    expect([separate.train.size, separate.extra?.size]).toEqual([7, 5]);
    const joined = await load(folder, { extra: 'joined' });
    expect([joined.train.size, joined.extra]).toEqual([12, null]);
    expect([...joined.train.labels]).toEqual([...separate.train.labels, ...(separate.extra?.labels ?? [])]);
    const both = [separate.train.images as Uint8Array, separate.extra?.images as Uint8Array];
    expect(Buffer.compare(joined.train.images as Uint8Array, Buffer.concat(both))).toBe(0);
    await expect(load(folder, { extra: 'some' as 'none' })).rejects.toMatchObject({ code: 'MAN_SVHN_OPTION' });
  });

  it('finds the files below the folder or in it, and says what is missing', async () => {
    const inPlace = write(fresh());
    expect((await load(inPlace)).train.size).toBe(7);
    rmSync(join(inPlace, 'test_32x32.mat'));
    await expect(load(inPlace)).rejects.toMatchObject({
      code: 'MAN_SVHN_NOT_FOUND',
      message: expect.stringContaining('test_32x32.mat'),
      hint: expect.stringContaining('housenumbers/test_32x32.mat'),
    });
  });

  it.each<[string, string, Buffer]>([
    ['MAN_SVHN_LABEL', 'picture 2, found 11', matFile(0, 4, { labels: [1, 10, 11, 3] })],
    ['MAN_SVHN_LABEL', 'picture 0, found 0', matFile(0, 1, { labels: [0] })],
    ['MAN_SVHN_CONTENTS', '4 labels', matFile(0, 4, { labels: [1, 2, 3] })],
    ['MAN_SVHN_CONTENTS', 'found no y', matFile(0, 4, { names: ['X', 'z'] })],
    ['MAN_SVHN_CONTENTS', 'found no X', matFile(0, 4, { names: ['x', 'y'] })],
    ['MAN_SVHN_CONTENTS', '32×32×3×N', matFile(0, 4, { side: 16 })],
    ['MAN_DATA_MAT', 'begin like', Buffer.from('<html>')],
    ['MAN_DATA_MAT', 'unpack', matFile(0, 4).subarray(0, -400)],
  ])('throws %s: %s', async (code, words, bytes) => {
    const folder = fresh();
    writeFileSync(join(write(folder), 'train_32x32.mat'), bytes);
    await expect(load(folder)).rejects.toMatchObject({ code, message: expect.stringContaining(code === 'MAN_DATA_MAT' ? '' : words) });
  });

  it('downloads what is missing, and keeps nothing that is not the published file', async () => {
    const folder = fresh();
    const asked: string[] = [];
    const fetch = async (url: string | URL | Request) => {
      asked.push(String(url));
      return new Response('not the published file');
    };
    const options = { download: true, fetch, env: { ...env(), MAN_SVHN_URL: 'http://mirror.example/svhn' } };
    await expect(load(folder, options)).rejects.toMatchObject({
      code: 'MAN_DATA_CHECKSUM',
      message: expect.stringContaining('435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8'),
    });
    expect(asked).toEqual(['http://mirror.example/svhn/train_32x32.mat']);
    expect(readdirSync(join(folder, 'svhn'))).toEqual([]);
  });
});

describe('verifySvhn', () => {
  it('names every difference from what was published, as it is found', async () => {
    const folder = fresh();
    const set = write(folder);
    copyFileSync(join(set, 'train_32x32.mat'), join(set, 'test_32x32.mat'));
    const told: Check[] = [];
    const { checks, path } = await verifySvhn({ dataDir: folder, env: env(), onCheck: (check) => told.push(check) });
    expect([path, told]).toEqual([set, checks]);
    const wrong = checks.filter(({ isRight }) => !isRight).map(({ subject }) => subject);
    expect(wrong).toEqual([
      'train_32x32.mat, bytes',
      'test_32x32.mat, bytes',
      'extra_32x32.mat, bytes',
      'svhn/train, pictures',
      'svhn/train, pictures per class',
      'svhn/test, pictures',
      'svhn/test, first labels',
      'svhn/test, pictures per class',
    ]);
    writeFileSync(join(set, 'train_32x32.mat'), 'broken');
    const after = await verifySvhn({ dataDir: folder, env: env() });
    expect(after.checks.find(({ subject }) => subject === 'train_32x32.mat')?.found).toContain('MAN_DATA_MAT');
    await expect(verifySvhn({ dataDir: fresh(), env: env() })).rejects.toMatchObject({ code: 'MAN_SVHN_NOT_FOUND' });
  });
});

const dataDir = process.env.MAN_DATA_DIR;
const real = dataDir !== undefined && existsSync(join(dataDir, 'svhn'));

describe.skipIf(!real)('svhn of real pictures (skipped: MAN_DATA_DIR has no svhn)', () => {
  it('has the pictures that scipy reads from the files', async () => {
    const { train, test } = await svhn({ download: false });
    const digest = (split: ImageSplit) =>
      createHash('sha256')
        .update(split.images as Uint8Array)
        .digest('hex')
        .slice(0, 16);
    expect([train.size, test.size]).toEqual([2000, 500]);
    // sha256 of X.transpose(3, 0, 1, 2) by scipy.io.loadmat
    expect([digest(train), digest(test)]).toEqual(['c2a6b49ce2412807', 'e35a8a8b419ef94c']);
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 2, 1, 0, 6, 1, 9, 1, 1, 8]);
    expect([...test.labels.subarray(0, 10)]).toEqual([4, 1, 4, 9, 4, 7, 1, 5, 3, 2]);
  });
});
