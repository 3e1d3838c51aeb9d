import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRng } from '@man/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset, EncodedImages, ImageSplit } from './dataset.ts';
import { createDecoder } from './decode.ts';
import { createLoader, createLoaderWith, evaluationLoader, trainingLoader } from './loader.ts';
import type { LoaderOptions, UnreadablePicture } from './loader-options.ts';
import type { PictureSource } from './picture-source.ts';
import { createResampler } from './resample.ts';
import { centre, randomBox } from './sizing.ts';
import { bundle, bundleFolder } from './testing/bundle.ts';
import { all, countingSplit, digest, plain } from './testing/fixtures.ts';

const NAMES = ['420.jpg', 'wide.jpg', 'grey.jpg', 'cmyk.jpg', 'named.jpg', 'progressive.jpg', 'stray-bytes.jpg', 'palette.png'];
const path = (name: string) => fileURLToPath(new URL(`./fixtures/pictures/${name}`, import.meta.url));
const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const randomResizedCrop = {};

let folder = '';
let worker = '';
beforeAll(async () => {
  folder = bundleFolder('encoded');
  worker = await bundle(folder, 'augment-worker.ts', 'augment-worker.mjs');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Pictures 0, 1, … are the files of `NAMES`, again and again. */
function split(size: number, locate: (index: number) => PictureSource = whole, extra: Partial<EncodedImages> = {}): ImageSplit {
  return {
    name: 'files',
    size,
    imageShape: [24, 24, 3],
    images: { locate, resize: 28, ...extra },
    labels: Uint8Array.from({ length: size }, (_, i) => i % 10),
  };
}
const whole = (index: number): PictureSource => {
  const name = NAMES[index % NAMES.length] as string;
  return { name, file: path(name) };
};

describe('createLoader with files', () => {
  it('resizes and cuts the centre out for evaluation', async () => {
    const [batch] = await all(createLoader(split(8), { batch: 8, normalization }).epoch(1));
    const [decoder, resampler] = [createDecoder(), createResampler()];
    const expected = new Uint8Array(24 * 24 * 3);
    for (const [i, name] of NAMES.entries()) {
      await decoder.open(readFileSync(path(name)), (picture) => {
        const { box, size, window } = centre(picture.width, picture.height, 28, [24, 24]);
        resampler.resample(picture, box, size, window);
        resampler.copy(expected, 0);
      });
      const got = batch?.pixels.subarray(i * expected.length, (i + 1) * expected.length) ?? [];
      expect([...got]).toEqual([...expected].map((value) => Math.fround(value / 255)));
    }
    expect(batch?.images[0]).toBeCloseTo(((batch?.pixels[0] as number) - 0.485) / 0.229, 5);
  });

  it('takes a random part for training, from a stream of the picture’s own, then crops and mirrors', async () => {
    const loader = createLoader(split(8), { batch: 4, seed: 5, shuffle: true, augment: { randomResizedCrop, flip: true } });
    const batches = await all(loader.epoch(2));
    const [decoder, resampler] = [createDecoder(), createResampler()];
    const rng = createRng(5).split('epoch:2');
    const order = rng.split('order').permutation(8);
    const expected = new Uint8Array(24 * 24 * 3);
    let mirrored = 0;
    for (const [at, number] of order.entries()) {
      const stream = rng.split(`batch:${Math.floor(at / 4)}`);
      const range = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
      const size = { width: 24, height: 24 };
      await decoder.open(readFileSync(path(NAMES[number] as string)), (picture) => {
        const box = randomBox(stream.split(`picture:${number}`), picture.width, picture.height, range);
        resampler.resample(picture, box, size, { left: 0, top: 0, ...size });
        resampler.copy(expected, 0);
      });
      const draws = Array.from({ length: 12 }, (_, k) => stream.integer(k % 3 === 2 ? 2 : 1));
      const flip = draws[3 * (at % 4) + 2] === 1;
      mirrored += flip ? 1 : 0;
      const got = batches[Math.floor(at / 4)]?.pixels.subarray((at % 4) * expected.length, ((at % 4) + 1) * expected.length) ?? [];
      const pixel = (y: number, x: number, c: number) => Math.fround((expected[(y * 24 + (flip ? 23 - x : x)) * 3 + c] as number) / 255);
      expect([...got]).toEqual(Array.from({ length: 1728 }, (_, k) => pixel(Math.floor(k / 72), Math.floor((k % 72) / 3), k % 3)));
    }
    expect(mirrored).toBeGreaterThan(0);
    expect(mirrored).toBeLessThan(8);
  });

  it('takes random parts of pictures in memory too', async () => {
    const loader = createLoader(countingSplit(12), { batch: 4, augment: { randomResizedCrop: { scale: [0.3, 0.6] } } });
    const [one, again, two] = [await all(loader.epoch(1)), await all(loader.epoch(1)), await all(loader.epoch(2))];
    expect(digest(one)).toBe(digest(again));
    expect(digest(one)).not.toBe(digest(two));
    expect(one[0]?.shape).toEqual([4, 8, 8, 3]);
  });

  it('gives the same pictures whatever the number of workers, and wherever their bytes are', async () => {
    const options: LoaderOptions = { batch: 5, seed: 9, shuffle: true, augment: { randomResizedCrop, flip: true }, normalization };
    const expected = await all(createLoader(split(19), { ...options, workers: 0 }).epoch(3));
    expect(digest(expected)).toBe('8058f561dd876cce');
    const packed = join(folder, 'packed');
    const starts: number[] = [];
    const pieces = NAMES.map((name) => readFileSync(path(name)));
    for (const [i] of pieces.entries()) starts.push((starts[i - 1] ?? 3) + (pieces[i - 1]?.length ?? 0));
    writeFileSync(packed, Buffer.concat([Buffer.from('xyz'), ...pieces]));
    const part = (index: number): PictureSource => {
      const start = starts[index % NAMES.length] as number;
      return { name: 'part', file: packed, start, end: start + (pieces[index % NAMES.length] as Buffer).length };
    };
    const inMemory = (index: number): PictureSource => ({ name: 'bytes', bytes: pieces[index % NAMES.length] as Buffer });
    for (const workers of [1, 2, 3]) {
      const loader = createLoaderWith(split(19, part), { ...options, workers }, worker);
      const got = await all(loader.epoch(3));
      await loader.close();
      expect(digest(got)).toBe(digest(expected));
      expect(got[0]?.images).toEqual(expected[0]?.images);
    }
    expect(digest(await all(createLoader(split(19, inMemory), { ...options, workers: 0 }).epoch(3)))).toBe(digest(expected));
  });

  it('reads pictures out of parquet files', async () => {
    const file = fileURLToPath(new URL('./fixtures/parquet/snappy-v1.parquet', import.meta.url));
    const cell = (index: number): PictureSource => ({
      name: `row ${index}`,
      parquet: { file, column: ['img', 'bytes'], rowGroup: Math.floor(index / 4), row: index % 4 },
    });
    const parquet: ImageSplit = { ...split(10, cell), imageShape: [32, 32, 3], images: { locate: cell, resize: 32 } };
    const expected = await all(createLoader(parquet, { batch: 4 }).epoch(1));
    expect(expected.map(({ labels }) => labels.length)).toEqual([4, 4, 2]);
    const loader = createLoaderWith(parquet, { batch: 4, workers: 1 }, worker);
    expect(digest(await all(loader.epoch(1)))).toBe(digest(expected));
    await loader.close();
  });
});

describe('pictures that cannot be read', () => {
  const broken = (index: number): PictureSource => {
    if (index === 3) return { name: 'n01/broken.JPEG', bytes: readFileSync(path('420.jpg')).subarray(0, 900) };
    if (index === 6) return { name: 'n02/absent.JPEG', file: join(folder, 'absent.JPEG') };
    return whole(index);
  };

  it.each([0, 1])('are the end, with their names, with %i workers', async (workers) => {
    const loader = createLoaderWith(split(9, broken), { batch: 2, workers }, worker);
    const seen: number[] = [];
    await expect(async () => {
      for await (const batch of loader.epoch(1)) seen.push(...plain(batch).labels);
    }).rejects.toMatchObject({
      code: 'MAN_DATA_IMAGE',
      message: expect.stringContaining("picture 3 (n01/broken.JPEG) of 'files'"),
    });
    expect(seen).toEqual([0, 1]);
    await loader.close();
  });

  it.each([0, 1])('are left out and told of, with %i workers', async (workers) => {
    const told: UnreadablePicture[] = [];
    const options: LoaderOptions = { batch: 2, workers, unreadable: 'skip', onUnreadable: (picture) => told.push(picture), normalization };
    const loader = createLoaderWith(split(9, broken), options, worker);
    const batches = await all(loader.epoch(1));
    await loader.close();
    expect(batches.map(({ labels }) => labels)).toEqual([[0, 1], [2], [4, 5], [7], [8]]);
    expect(batches.map(({ shape }) => shape[0])).toEqual([2, 1, 2, 1, 1]);
    expect(told.map(({ index, name }) => [index, name])).toEqual([
      [3, 'n01/broken.JPEG'],
      [6, 'n02/absent.JPEG'],
    ]);
    expect(told[1]?.reason).toContain('ENOENT');
    const good = await all(createLoader(split(9), { batch: 9, normalization }).epoch(1));
    expect([...(batches[3]?.images ?? [])]).toEqual([...(good[0]?.images.subarray(7 * 1728, 8 * 1728) ?? [])]);
  });

  it('leave a batch out when nothing of it remains, also for pictures that are made by code', async () => {
    const reader: ImageSplit = {
      ...countingSplit(6),
      images: {
        read(index, out) {
          if (index === 2 || index === 3 || index === 5) throw new Error('no such picture');
          out.fill(index);
        },
      },
    };
    const told: number[] = [];
    const options = {
      batch: 2,
      unreadable: 'skip',
      onUnreadable: ({ index }: UnreadablePicture) => told.push(index),
      augment: { pad: 1 },
    } as const;
    const batches = await all(createLoader(reader, options).epoch(1));
    expect([batches.map(({ labels }) => labels), told]).toEqual([
      [[0, 1], [4]],
      [2, 3, 5],
    ]);
    expect(batches[1]?.pixels[100]).toBe(Math.fround(4 / 255));
  });

  it('are too large, or lie', async () => {
    const huge = Buffer.from(readFileSync(path('420.jpg')));
    huge.writeUInt32BE(0xfde8fde8, huge.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    const loader = createLoader(
      split(1, () => ({ name: 'huge', bytes: huge })),
      { batch: 1 },
    );
    await expect(all(loader.epoch(1))).rejects.toMatchObject({ message: expect.stringContaining('65000×65000 pixels') });
    const small = createLoader(split(1, whole, { maxPixels: 100 }), { batch: 1 });
    await expect(all(small.epoch(1))).rejects.toMatchObject({ message: expect.stringContaining('at most 100 are decoded') });
    const beyond = createLoader(
      split(1, () => ({ name: 'x', file: path('420.jpg'), start: 10, end: 1e6 })),
      { batch: 1 },
    );
    await expect(all(beyond.epoch(1))).rejects.toMatchObject({ message: expect.stringContaining('the file ends after') });
    const gigantic = createLoader(
      split(1, () => ({ name: 'x', file: path('420.jpg'), start: 0, end: 1e15 })),
      { batch: 1 },
    );
    await expect(all(gigantic.epoch(1))).rejects.toMatchObject({ message: expect.stringContaining('are read') });
  });
});

describe('threads that decode', () => {
  /** A program that falls over, in one way or another, at picture 7. */
  async function failing(fall: string): Promise<string> {
    const file = join(folder, `${fall.length}.mjs`);
    writeFileSync(
      file,
      `import { inTurn, prepare as real } from './augment-worker.mjs';
       export async function prepare(task) {
         const place = task.numbers.indexOf(7);
         if (place < 0) return real(task);
         return inTurn(async () => {
           task.pictures.progress[0] = place;
           ${fall}
           await new Promise(() => {});
         });
       }`,
    );
    return file;
  }

  it.each([
    ["setImmediate(() => { throw new Error('the decoder fell over'); });", 'the decoder fell over'],
    ['process.exit(3);', '3'],
    ['setImmediate(() => { const all = []; for (;;) all.push(new Array(1e6).fill({})); });', 'memory'],
  ])('name the picture they die of: %s', { timeout: 60_000 }, async (fall, words) => {
    const loader = createLoaderWith(split(12), { batch: 3, workers: 2 }, await failing(fall));
    const seen: number[] = [];
    await expect(async () => {
      for await (const batch of loader.epoch(1)) seen.push(...plain(batch).labels);
    }).rejects.toMatchObject({
      code: 'MAN_DATA_WORKER_FAILED',
      message: expect.stringMatching(new RegExp(`at picture 7 \\(${NAMES[7]}\\).*${words}`, 's')),
    });
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    await loader.close();
  });

  it('end at once', async () => {
    const bytes = readFileSync(path('420.jpg'));
    const many = split(4000, () => ({ name: 'x', bytes }));
    const loader = createLoaderWith(many, { batch: 2000, workers: 2, augment: { randomResizedCrop } }, worker);
    const iteration = loader.epoch(1)[Symbol.asyncIterator]();
    const first = iteration.next();
    first.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 250));
    const started = performance.now();
    await loader.close();
    await expect(first).rejects.toMatchObject({ code: 'MAN_DATA_CLOSED' });
    expect(performance.now() - started).toBeLessThan(250);
  });

  it('are not waited for without threads either', async () => {
    const bytes = readFileSync(path('420.jpg'));
    const loader = createLoader(
      split(4000, () => ({ name: 'x', bytes })),
      { batch: 2000, workers: 0 },
    );
    const first = loader.epoch(1)[Symbol.asyncIterator]().next();
    first.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    await loader.close();
    await expect(first).rejects.toMatchObject({ code: 'MAN_DATA_CLOSED' });
    expect(performance.now() - started).toBeLessThan(250);
  });
});

describe('options for files', () => {
  it.each([
    [{ augment: { randomResizedCrop: { scale: [0, 1] as const } } }, 'augment.randomResizedCrop.scale'],
    [{ augment: { randomResizedCrop: { scale: [0.5, 0.4] as const } } }, 'augment.randomResizedCrop.scale'],
    [{ augment: { randomResizedCrop: { ratio: [2, 1] as const } } }, 'augment.randomResizedCrop.ratio'],
    [{ unreadable: 'ignore' as 'skip' }, 'unreadable'],
  ])('refuses %j, naming %s', (options, name) => {
    expect(() => createLoader(split(4), { batch: 2, ...options })).toThrow(
      expect.objectContaining({ code: 'MAN_DATA_OPTION', message: expect.stringContaining(`${name}:`) }),
    );
  });

  it('refuses random parts of grey pictures, and a centre that is larger than the picture', () => {
    expect(() => createLoader(countingSplit(4, [8, 8, 1]), { batch: 2, augment: { randomResizedCrop } })).toThrow(
      expect.objectContaining({ code: 'MAN_DATA_OPTION' }),
    );
    expect(() => createLoader(split(4, whole, { resize: 23 }), { batch: 2 })).toThrow(expect.objectContaining({ code: 'MAN_DATA_SPLIT' }));
  });

  it('come from the data set', async () => {
    const half = split(8);
    const dataset: Dataset = {
      name: 'files',
      classes: ['a'],
      imageShape: [24, 24, 3],
      train: half,
      test: half,
      normalization,
      augmentation: { randomResizedCrop, flip: true },
    };
    const own = createLoader(half, { batch: 4, seed: 1, shuffle: true, augment: { randomResizedCrop, flip: true }, normalization });
    expect(digest(await all(trainingLoader(dataset, { batch: 4, seed: 1 }).epoch(1)))).toBe(digest(await all(own.epoch(1))));
    const straight = createLoader(half, { batch: 4, normalization });
    expect(digest(await all(evaluationLoader(dataset, { batch: 4 }).epoch(1)))).toBe(digest(await all(straight.epoch(1))));
  });
});
