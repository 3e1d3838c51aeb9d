import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLoader, type EncodedImages, type ImageSplit, type PictureSource, trainingLoader } from '@man/data';
import { datasetConformance, runConformance } from '@man/testkit';
import { dispose } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type ImagenetOptions, imagenet } from './imagenet.ts';
import { bytesOf, mat, parquet, TRAIN, VAL, VAL_LABELS, WNIDS, writeDevkit, writeFolders, writeTars } from './testing/files.ts';
import { verifyImagenet } from './verify.ts';

let root = '';
let made = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'man-imagenet-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = () => {
  const folder = join(root, String(made++));
  mkdirSync(folder);
  return folder;
};
const env = () => ({ XDG_CACHE_HOME: join(root, 'cache') });
const load = (dataDir: string, options: ImagenetOptions = {}) => imagenet({ dataDir, env: env(), ...options });
const sources = ({ images, size }: ImageSplit) => Array.from({ length: size }, (_, i) => (images as EncodedImages).locate(i));

/** The bytes that a source stands for. */
function readBytes(source: PictureSource): Buffer {
  if (!('file' in source)) throw new Error('a file was expected');
  return readFileSync(source.file).subarray(source.start ?? 0, source.end);
}

/** Training pictures by class, then by number; validation pictures by number; labels by rank of the wnid. */
function expectSet({ train, test }: { train: ImageSplit; test: ImageSplit }, trainOrder: readonly string[]): void {
  const names = trainOrder.flatMap((wnid) => [...(TRAIN[wnid] as string[])]);
  const found = sources(train).map(({ name }) => name.split('/').at(-1));
  expect([...found].sort()).toEqual([...names].sort());
  expect([...train.labels]).toEqual(found.map((name) => WNIDS.indexOf(name?.split('_')[0] as (typeof WNIDS)[number])));
  expect(sources(test).map(({ name }) => name.split('/').at(-1))).toEqual(VAL);
  expect([...test.labels]).toEqual(VAL_LABELS);
  for (const split of [train, test]) {
    for (const source of sources(split))
      expect(Buffer.compare(readBytes(source), bytesOf(source.name.split('/').at(-1) as string))).toBe(0);
  }
}

describe('imagenet as a data set', () => {
  const create = () => {
    const folder = fresh();
    writeFolders(folder, 'folders');
    return load(folder);
  };
  // The set in small is made of six files that occur in both halves.
  const checks = datasetConformance(create).filter(({ name }) => name !== 'keeps training and test pictures apart');
  runConformance(checks, { test });
});

describe('imagenet', () => {
  it('reads class folders, and takes the rank of the sorted wnids for the label', async () => {
    const folder = fresh();
    writeFolders(join(folder, 'imagenet'), 'folders');
    const dataset = await load(folder);
    expect(dataset).toMatchObject({ name: 'imagenet', imageShape: [224, 224, 3], wnids: WNIDS, classes: WNIDS });
    expect(dataset.augmentation).toEqual({ randomResizedCrop: {}, flip: true });
    expect((dataset.test.images as EncodedImages).resize).toBe(256);
    expectSet(dataset, WNIDS);
    // By number, not by letters.
    expect(sources(dataset.train).at(-1)?.name).toBe('n02119789/n02119789_10.JPEG');
  });

  it.each([true, false])('sorts flat validation pictures by the devkit, whose order is another (packed: %j)', async (packed) => {
    const folder = fresh();
    writeFolders(folder, 'flat');
    await writeDevkit(folder, packed);
    const dataset = await load(folder);
    expectSet(dataset, WNIDS);
    expect(dataset.classes).toEqual(['n01440764 tench', 'n02012849 crane', 'n02119789 kit fox']);
  });

  it('reads the official archives without unpacking them, by an index that is built once', async () => {
    const folder = fresh();
    const set = join(folder, 'ILSVRC2012');
    await writeTars(set);
    await writeDevkit(set, true);
    const seen: string[] = [];
    const onIndex = ({ file, pictures }: { file: string; pictures: number }) => seen.push(`${file.split('/').at(-1)} ${pictures}`);
    expectSet(await load(folder, { onIndex }), WNIDS);
    expect(seen.filter((line) => line.endsWith(' 6') || line.endsWith(' 4'))).toEqual([
      'ILSVRC2012_img_train.tar 6',
      'ILSVRC2012_img_val.tar 4',
    ]);
    expect(
      readdirSync(set)
        .filter((name) => name.endsWith('.index'))
        .sort(),
    ).toEqual(['ILSVRC2012_img_train.tar.index', 'ILSVRC2012_img_val.tar.index']);
    seen.length = 0;
    expectSet(await load(folder, { onIndex }), WNIDS);
    expect(seen).toEqual([]);
    // Another archive, or a damaged index: built anew.
    utimesSync(join(set, 'ILSVRC2012_img_val.tar'), new Date(), new Date(0));
    appendFileSync(join(set, 'ILSVRC2012_img_train.tar.index'), 'x');
    expectSet(await load(folder, { onIndex }), WNIDS);
    expect(seen.length).toBeGreaterThan(1);
    for (let at = 0; at < 400; at += 13) {
      const index = readFileSync(join(set, 'ILSVRC2012_img_train.tar.index'));
      index[at] = (index[at] as number) ^ 0xff;
      writeFileSync(join(set, 'ILSVRC2012_img_train.tar.index'), index);
      expect((await load(folder)).train.size).toBe(6);
    }
  });

  it('keeps the index in the cache where the folder cannot be written', async () => {
    const folder = fresh();
    await writeTars(folder);
    await writeDevkit(folder, false);
    // Root may write anywhere: a folder of the index's name is in the way.
    for (const name of ['train', 'val']) mkdirSync(join(folder, `ILSVRC2012_img_${name}.tar.index`, 'x'), { recursive: true });
    chmodSync(folder, 0o555);
    expectSet(await load(folder), WNIDS);
    chmodSync(folder, 0o755);
    expect(readdirSync(join(root, 'cache', 'man', 'data', 'imagenet-index')).length).toBeGreaterThan(1);
  });

  it('reads parquet files as hubs publish them', async () => {
    const folder = fresh();
    mkdirSync(join(folder, 'imagenet-1k', 'data'), { recursive: true });
    const write = (name: string, fixture: string) => writeFileSync(join(folder, 'imagenet-1k', 'data', name), parquet(fixture));
    write('train-00000-of-00002.parquet', 'hub');
    write('train-00001-of-00002.parquet', 'hub');
    write('validation-00000-of-00001.parquet', 'hub');
    const dataset = await load(folder, { size: 24 });
    expect([dataset.train.size, dataset.test.size, dataset.classes.length]).toEqual([20, 10, 1000]);
    expect([...dataset.test.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sources(dataset.train)[13]).toMatchObject({ parquet: { column: ['image', 'bytes'], rowGroup: 0, row: 3 } });
    let pictures = 0;
    for await (const batch of createLoader(dataset.test, { batch: 4, workers: 0 }).epoch(1)) {
      pictures += batch.images.shape[0] as number;
      dispose({ ...batch });
    }
    expect(pictures).toBe(10);
  });

  it('is decoded by the loader, every odd form of its files', async () => {
    const folder = fresh();
    await writeTars(folder);
    await writeDevkit(folder, true);
    const dataset = await load(folder, { size: 32 });
    const loader = trainingLoader(dataset, { batch: 4, seed: 1, workers: 0 });
    const shapes: number[][] = [];
    for await (const batch of loader.epoch(1)) {
      shapes.push(batch.images.shape);
      dispose({ ...batch });
    }
    expect(shapes).toEqual([
      [4, 32, 32, 3],
      [2, 32, 32, 3],
    ]);
    expect((dataset.test.images as EncodedImages).resize).toBe(37);
  });

  it.each<[string, string, (folder: string) => void | Promise<void>, ImagenetOptions?]>([
    ['MAN_IMAGENET_NOT_FOUND', 'is in none of', () => {}],
    ['MAN_IMAGENET_NOT_FOUND', 'is in none of', (folder) => writeFolders(folder, 'folders'), { layout: 'tar' }],
    ['MAN_IMAGENET_FILE_MISSING', 'ILSVRC2012_devkit_t12.tar.gz', (folder) => writeFolders(folder, 'flat')],
    [
      'MAN_IMAGENET_FILE_MISSING',
      'ILSVRC2012_img_val.tar',
      (folder) => {
        writeFolders(folder, 'folders');
        rmSync(join(folder, 'val'), { recursive: true });
      },
    ],
    [
      'MAN_IMAGENET_CONTENTS',
      'numbered 1 to 2',
      async (folder) => {
        writeFolders(folder, 'flat');
        await writeDevkit(folder, true, '3\n1');
      },
    ],
    [
      'MAN_IMAGENET_CONTENTS',
      'in line 2',
      async (folder) => {
        writeFolders(folder, 'flat');
        await writeDevkit(folder, true, '3\n6\n1\n1');
      },
    ],
    [
      'MAN_IMAGENET_CONTENTS',
      'of class n02119789',
      (folder) => {
        writeFolders(folder, 'folders');
        rmSync(join(folder, 'train', 'n02119789'), { recursive: true });
      },
    ],
    [
      'MAN_DATA_MAT',
      'meta.mat',
      async (folder) => {
        writeFolders(folder, 'flat');
        await writeDevkit(folder, false);
        writeFileSync(join(folder, 'ILSVRC2012_devkit_t12', 'data', 'meta.mat'), mat('synsets-packed').subarray(0, 400));
      },
    ],
    ['MAN_IMAGENET_OPTION', 'size', () => {}, { size: 0 }],
    ['MAN_IMAGENET_OPTION', 'resize', () => {}, { size: 64, resize: 63 }],
    ['MAN_IMAGENET_OPTION', 'layout', () => {}, { layout: 'zip' as 'tar' }],
  ])('throws %s: %s', async (code, words, prepare, options = {}) => {
    const folder = fresh();
    await prepare(folder);
    await expect(load(folder, options)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it('says what to put where, since it is never downloaded', async () => {
    const folder = fresh();
    await expect(load(folder)).rejects.toMatchObject({
      hint: expect.stringContaining(`put them, unpacked or not, into ${folder}/imagenet`),
    });
  });
});

describe('verifyImagenet', () => {
  it('names every difference from what was published', async () => {
    const folder = fresh();
    await writeTars(folder);
    await writeDevkit(folder, true);
    const { checks, path } = await verifyImagenet({ dataDir: folder, env: env() });
    expect(path).toBe(folder);
    expect(checks.filter(({ isRight }) => !isRight).map(({ subject }) => subject)).toEqual([
      'ILSVRC2012_img_train.tar, bytes',
      'ILSVRC2012_img_val.tar, bytes',
      'ILSVRC2012_devkit_t12.tar.gz, md5',
      'imagenet, classes',
      'imagenet/train, pictures',
      'imagenet/train, pictures per class',
      'imagenet/val, pictures',
      'imagenet/val, first labels',
      'imagenet/val, pictures per class',
    ]);
  });
});

const dataDir = process.env.MAN_DATA_DIR;
const real = dataDir !== undefined && existsSync(join(dataDir, 'imagenet'));

describe.skipIf(!real)('imagenet of real pictures (skipped: MAN_DATA_DIR has no imagenet)', () => {
  it('has ten classes, and a known picture in the right one', async () => {
    const dataset = await imagenet({ layout: 'folders' });
    expect([dataset.train.size, dataset.test.size, dataset.wnids.length]).toEqual([300, 100, 10]);
    expect(dataset.classes[0]).toBe('n01440764 tench');
    const at = sources(dataset.test).findIndex(({ name }) => name.endsWith('ILSVRC2012_val_00000293.JPEG'));
    expect(dataset.test.labels[at]).toBe(0);
    let pictures = 0;
    for await (const batch of createLoader(dataset.test, { batch: 50, workers: 0, normalization: dataset.normalization }).epoch(1)) {
      pictures += batch.images.shape[0] as number;
      const values = batch.images.dataSync<'float32'>();
      expect(Math.abs(values.reduce((a, b) => a + b) / values.length)).toBeLessThan(0.4);
      dispose({ ...batch });
    }
    expect(pictures).toBe(100);
  });
});
