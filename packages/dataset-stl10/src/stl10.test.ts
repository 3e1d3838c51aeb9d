import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { createLoader, type ImageReader, type ImageSplit } from '@man/data';
import { datasetConformance, runConformance } from '@man/testkit';
import { dispose } from '@tensorflow/tfjs';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { STL10_CLASSES } from './files.ts';
import { type Stl10Options, stl10, verifyStl10 } from './stl10.ts';

const PICTURE = 96 * 96 * 3;
let root = '';
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'man-stl10-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  return folder;
};
const env = () => ({ XDG_CACHE_HOME: join(root, 'nowhere') });
const load = (dataDir: string, options: Stl10Options = {}) => stl10({ dataDir, download: false, env: env(), ...options });

/** A pixel that tells where it is. */
const pixelOf = (picture: number, y: number, x: number, c: number) => (picture * 31 + y * 7 + x * 3 + c * 85) & 255;

/** Pictures as in the files: plane by plane, column by column. */
function planes(first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * PICTURE);
  for (let i = 0, at = 0; i < count; i++)
    for (let c = 0; c < 3; c++) for (let x = 0; x < 96; x++) for (let y = 0; y < 96; y++) bytes[at++] = pixelOf(first + i, y, x, c);
  return bytes;
}

const LABELS = [2, 6, 10, 1, 7, 4];
const folds = () => Array.from({ length: 10 }, (_, fold) => `${fold % 6} ${(fold + 3) % 6} `).join('\n');

/** The set in small: 6 pictures to train on, 2 to test, 3 without label. */
function files(): Record<string, Buffer> {
  return {
    'train_X.bin': planes(0, 6),
    'train_y.bin': Buffer.from(LABELS),
    'test_X.bin': planes(50, 2),
    'test_y.bin': Buffer.from([7, 8]),
    'unlabeled_X.bin': planes(90, 3),
    'class_names.txt': Buffer.from(`${STL10_CLASSES.join('\n')}\n`),
    'fold_indices.txt': Buffer.from(`${folds()}\n`),
  };
}

function write(folder: string, changes: Record<string, Buffer | null> = {}): string {
  const target = join(folder, 'stl10_binary');
  mkdirSync(target);
  for (const [name, bytes] of Object.entries({ ...files(), ...changes })) if (bytes !== null) writeFileSync(join(target, name), bytes);
  return target;
}

function expectPictures(split: ImageSplit, numbers: readonly number[]): void {
  const expected = Buffer.alloc(numbers.length * PICTURE);
  numbers.forEach((number, i) => {
    for (let k = 0; k < PICTURE; k++) expected[i * PICTURE + k] = pixelOf(number, Math.floor(k / 288), Math.floor((k % 288) / 3), k % 3);
  });
  expect(Buffer.compare(split.images as Uint8Array, expected)).toBe(0);
}

describe('stl10 as a data set', () => {
  const create = () => {
    const folder = fresh();
    write(folder);
    return load(folder);
  };
  runConformance(datasetConformance(create), { test });
});

describe('stl10', () => {
  it('reads pictures upright and labels from 0, unpacked, in place, and packed', async () => {
    const unpacked = fresh();
    const inPlace = write(unpacked);
    const packed = fresh();
    const tar = pack();
    for (const [name, bytes] of Object.entries(files())) tar.entry({ name: `stl10_binary/${name}` }, bytes);
    tar.finalize();
    writeFileSync(join(packed, 'stl10_binary.tar.gz'), gzipSync(await buffer(tar as unknown as AsyncIterable<Uint8Array>)));
    for (const folder of [unpacked, inPlace, packed]) {
      const dataset = await load(folder);
      expect(dataset).toMatchObject({ name: 'stl10', imageShape: [96, 96, 3], unlabelled: null });
      expect(dataset.augmentation).toEqual({ pad: 4, padMode: 'zero', crop: 96, flip: true });
      expect(dataset.classes).toHaveLength(10);
      expect([...dataset.train.labels, ...dataset.test.labels]).toEqual([...LABELS.map((label) => label - 1), 6, 7]);
      expectPictures(dataset.train, [0, 1, 2, 3, 4, 5]);
      expectPictures(dataset.test, [50, 51]);
    }
    expect(readdirSync(packed)).toEqual(['stl10_binary.tar.gz']);
  });

  it('trains on a fold', async () => {
    const folder = fresh();
    write(folder);
    const { train, folds: all } = await load(folder, { fold: 4 });
    expect([train.name, all?.length, [...(all?.[4] ?? [])]]).toEqual(['stl10/train/fold 4', 10, [4, 1]]);
    expectPictures(train, [4, 1]);
    expect([...train.labels]).toEqual([6, 5]);
    for (const fold of [10, -1, 1.5]) await expect(load(folder, { fold })).rejects.toMatchObject({ code: 'MAN_STL10_OPTION' });
  });

  it('reads unlabelled pictures when they are needed', async () => {
    const folder = fresh();
    write(folder);
    const unlabelled = (await load(folder, { unlabelled: true })).unlabelled as ImageSplit;
    expect(unlabelled.size).toBe(3);
    const out = new Uint8Array(PICTURE);
    await (unlabelled.images as ImageReader).read(1, out, null);
    expectPictures({ ...unlabelled, images: out }, [91]);
    let batches = 0;
    for await (const batch of createLoader(unlabelled, { batch: 2 }).epoch(1)) {
      batches++;
      dispose({ ...batch });
    }
    expect(batches).toBe(2);
  });

  it.each<[string, string, Record<string, Buffer | null>, Stl10Options?]>([
    ['MAN_STL10_FILE_MISSING', 'test_y.bin', { 'test_y.bin': null }],
    ['MAN_STL10_FILE_MISSING', 'fold_indices.txt', { 'fold_indices.txt': null }, { fold: 1 }],
    ['MAN_STL10_FILE_MISSING', 'unlabeled_X.bin', { 'unlabeled_X.bin': null }, { unlabelled: true }],
    ['MAN_STL10_CONTENTS', 'found 27647 bytes', { 'test_X.bin': Buffer.alloc(PICTURE - 1) }],
    ['MAN_STL10_CONTENTS', 'found 0 bytes', { 'test_X.bin': Buffer.alloc(0) }],
    ['MAN_STL10_CONTENTS', 'found 1 bytes', { 'test_y.bin': Buffer.from([1]) }],
    ['MAN_STL10_CONTENTS', 'for picture 1, found 11', { 'test_y.bin': Buffer.from([1, 11]) }],
    ['MAN_STL10_CONTENTS', 'for picture 0, found 0', { 'test_y.bin': Buffer.from([0, 1]) }],
    ['MAN_STL10_CONTENTS', 'expected 10 lines', { 'fold_indices.txt': Buffer.from('1 2\n') }],
    ['MAN_STL10_CONTENTS', 'line 2, found 6', { 'fold_indices.txt': Buffer.from('1\n6\n'.repeat(5)) }],
    ['MAN_STL10_CONTENTS', 'found -1', { 'fold_indices.txt': Buffer.from('-1\n'.repeat(10)) }],
    ['MAN_STL10_CONTENTS', 'found apple', { 'class_names.txt': Buffer.from('apple') }],
  ])('throws %s: %s', async (code, words, changes, options = {}) => {
    const folder = fresh();
    write(folder, changes);
    await expect(load(folder, options)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('does without class names and folds', async () => {
    const folder = fresh();
    write(folder, { 'class_names.txt': null, 'fold_indices.txt': null });
    expect((await load(folder)).folds).toBeNull();
  });

  it('says what to get, and keeps nothing that is not the published archive', async () => {
    const folder = fresh();
    await expect(load(folder)).rejects.toMatchObject({ code: 'MAN_STL10_NOT_FOUND', hint: expect.stringContaining('stl10_binary.tar.gz') });
    const fetch = async () => new Response('something else');
    await expect(load(folder, { download: true, fetch, mirror: 'http://mirror.example/x' })).rejects.toMatchObject({
      code: 'MAN_DATA_CHECKSUM',
      message: expect.stringContaining('91f7769df0f17e558f3565bffb0c7dfb'),
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('verifyStl10', () => {
  it('names every difference from what was published', async () => {
    const folder = fresh();
    const set = write(folder, { 'test_y.bin': null });
    const { checks, path } = await verifyStl10({ dataDir: folder, env: env() });
    expect(path).toBe(set);
    expect(checks).toContainEqual({ subject: 'test_y.bin', expected: 'there', found: 'missing', isRight: false });
    expect(checks).toContainEqual({ subject: 'train_X.bin, bytes', expected: '138240000', found: String(6 * PICTURE), isRight: false });
    // Of the right size and with the right checksum.
    expect(checks.filter(({ isRight }) => isRight).map(({ subject }) => subject)).toEqual([
      'class_names.txt, bytes',
      'class_names.txt, md5',
    ]);
    expect(checks.at(-1)?.found).toContain('MAN_STL10_FILE_MISSING');
    await expect(verifyStl10({ dataDir: fresh(), env: env() })).rejects.toMatchObject({ code: 'MAN_STL10_NOT_FOUND' });
  });
});

const dataDir = process.env.MAN_DATA_DIR;
const real = dataDir !== undefined && existsSync(join(dataDir, 'stl10_binary'));

describe.skipIf(!real)('stl10 of real pictures (skipped: MAN_DATA_DIR has no stl10_binary)', () => {
  it('has the pictures that numpy reads from the files', async () => {
    const { train, test, folds: all } = await stl10({ download: false });
    const digest = (split: ImageSplit) =>
      createHash('sha256')
        .update(split.images as Uint8Array)
        .digest('hex')
        .slice(0, 16);
    expect([train.size, test.size, all?.length]).toEqual([400, 100, 10]);
    // sha256 of np.fromfile(…).reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
    expect([digest(train), digest(test)]).toEqual(['2280080e8d42d0ff', '6e2f7dbc73b073da']);
    for (const [split, count] of [
      [train, 40],
      [test, 10],
    ] as const) {
      expect(STL10_CLASSES.map((_, label) => [...split.labels].filter((found) => found === label).length)).toEqual(
        STL10_CLASSES.map(() => count),
      );
    }
  });
});
