import { memory } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { Dataset, ImageSplit } from './dataset.ts';
import { createLoader, evaluationLoader, trainingLoader } from './loader.ts';
import { all, countingSplit, digest, plain } from './testing/fixtures.ts';

const augment = { pad: 2, flip: true };
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.1] };

describe('createLoader', () => {
  it('gives every picture once, the last batch smaller, or leaves that out', async () => {
    const split = countingSplit(10);
    const loader = createLoader(split, { batch: 4 });
    expect([loader.examples, loader.batches]).toEqual([10, 3]);
    const batches = await all(loader.epoch(1));
    expect(batches.map(({ shape }) => shape)).toEqual([
      [4, 8, 8, 3],
      [4, 8, 8, 3],
      [2, 8, 8, 3],
    ]);
    expect(batches.flatMap(({ labels }) => labels)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(batches.flatMap(({ pixels }) => [...pixels])).toEqual([...(split.images as Uint8Array)].map((v) => Math.fround(v / 255)));

    const dropping = createLoader(split, { batch: 4, dropLast: true });
    expect([dropping.examples, dropping.batches]).toEqual([8, 2]);
    expect((await all(dropping.epoch(1))).flatMap(({ labels }) => labels)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('normalises per channel and keeps the pixels as they were', async () => {
    const [batch] = await all(createLoader(countingSplit(2), { batch: 2, normalization }).epoch(1));
    batch?.pixels.forEach((value, i) => {
      const channel = i % 3;
      const expected = (value - (normalization.mean[channel] as number)) / (normalization.std[channel] as number);
      expect(batch.images[i]).toBeCloseTo(expected, 5);
    });
  });

  it('shuffles each epoch anew, and the same epoch the same', async () => {
    const loader = createLoader(countingSplit(40), { batch: 16, shuffle: true, seed: 3, augment });
    const [one, two, again] = [await all(loader.epoch(1)), await all(loader.epoch(2)), await all(loader.epoch(1))];
    expect(digest(one)).toBe(digest(again));
    expect(digest(one)).not.toBe(digest(two));
    const sorted = (batches: typeof one) => batches.flatMap(({ labels }) => labels).sort();
    expect(sorted(one)).toEqual(sorted(two));
    expect(digest(await all(createLoader(countingSplit(40), { batch: 16, shuffle: true, seed: 4, augment }).epoch(1)))).not.toBe(
      digest(one),
    );
  });

  it('keeps its random choices (golden)', async () => {
    const loader = createLoader(countingSplit(40), { batch: 16, shuffle: true, seed: 7, augment: { pad: 4, flip: true } });
    const batches = await all(loader.epoch(3));
    expect(batches[0]?.labels).toEqual([0, 4, 9, 2, 4, 3, 4, 5, 8, 7, 9, 2, 5, 0, 7, 3]);
    expect(digest(batches)).toBe('a109333b6f70cd7c');
  });

  it('gives the same batches whatever is prepared ahead, whoever holds the memory, and from wherever the epoch is entered', async () => {
    const options = { batch: 8, shuffle: true, seed: 'x', augment };
    const expected = await all(createLoader(countingSplit(50), options).epoch(2));
    for (const prefetch of [1, 2, 9])
      expect(digest(await all(createLoader(countingSplit(50), { ...options, prefetch }).epoch(2)))).toBe(digest(expected));
    expect(digest(await all(createLoader(countingSplit(50, [8, 8, 3], false), options).epoch(2)))).toBe(digest(expected));
    const loader = createLoader(countingSplit(50), options);
    expect(digest(await all(loader.epoch(2, { from: 3 })))).toBe(digest(expected.slice(3)));
    expect(await all(loader.epoch(2, { from: 7 }))).toEqual([]);
  });

  it('limits to the same pictures whatever the seed', async () => {
    const labels = async (seed: number) => {
      const loader = createLoader(countingSplit(100), { batch: 8, limit: 20, shuffle: true, seed });
      expect([loader.examples, loader.batches]).toEqual([20, 3]);
      return (await all(loader.epoch(1)))
        .flatMap(({ pixels }) => Array.from({ length: pixels.length / 192 }, (_, i) => pixels[i * 192]))
        .sort();
    };
    expect(await labels(1)).toEqual(await labels(2));
    expect(createLoader(countingSplit(10), { batch: 8, limit: 20 }).examples).toBe(10);
  });

  it('serves two iterations at once', async () => {
    const loader = createLoader(countingSplit(40), { batch: 8, shuffle: true, augment });
    const alone = [await all(loader.epoch(1)), await all(loader.epoch(2))].map(digest);
    expect((await Promise.all([all(loader.epoch(1)), all(loader.epoch(2))])).map(digest)).toEqual(alone);
  });

  it('leaves no tensor when an iteration is left early', async () => {
    const before = memory().numTensors;
    const loader = createLoader(countingSplit(40), { batch: 8, normalization, augment });
    for await (const batch of loader.epoch(1)) {
      plain(batch);
      break;
    }
    await expect(async () => {
      for await (const batch of loader.epoch(1)) {
        plain(batch);
        throw new Error('step failed');
      }
    }).rejects.toThrow('step failed');
    expect(memory().numTensors).toBe(before);
  });

  it('refuses to go on once closed', async () => {
    const loader = createLoader(countingSplit(40), { batch: 8 });
    const iteration = loader.epoch(1)[Symbol.asyncIterator]();
    const first = await iteration.next();
    if (!first.done) plain(first.value);
    await loader.close();
    await expect(iteration.next()).rejects.toMatchObject({ code: 'MAN_DATA_CLOSED' });
    await expect(all(loader.epoch(1))).rejects.toMatchObject({ code: 'MAN_DATA_CLOSED' });
  });
});

describe('createLoader with pictures that are decoded when needed', () => {
  const source = countingSplit(20);
  const lazy = (read: (index: number, drawn: number | null) => void = () => {}): ImageSplit => ({
    ...source,
    images: {
      async read(index, out, rng) {
        read(index, rng?.next() ?? null);
        await new Promise((resolve) => setTimeout(resolve, (index * 7) % 5));
        out.set((source.images as Uint8Array).subarray(index * 192, (index + 1) * 192));
      },
    },
  });

  it('gives what pictures in memory give', async () => {
    const options = { batch: 8, shuffle: true, augment, seed: 5 };
    expect(digest(await all(createLoader(lazy(), options).epoch(1)))).toBe(digest(await all(createLoader(source, options).epoch(1))));
  });

  it('hands each picture a stream of its own for training, none for evaluation', async () => {
    const draws = async (options: { augment?: typeof augment }, epoch: number) => {
      const seen = new Map<number, number | null>();
      await all(
        createLoader(
          lazy((index, drawn) => seen.set(index, drawn)),
          { batch: 8, ...options },
        ).epoch(epoch),
      );
      return seen;
    };
    const [one, again, two] = [await draws({ augment }, 1), await draws({ augment }, 1), await draws({ augment }, 2)];
    expect(new Set(one.values()).size).toBe(20);
    expect(again).toEqual(one);
    expect(two.get(3)).not.toBe(one.get(3));
    expect(new Set((await draws({}, 1)).values())).toEqual(new Set([null]));
  });

  it('names the picture that cannot be read, after the batches before it', async () => {
    const failing = lazy((index) => {
      if (index === 11) throw new Error('not a JPEG');
    });
    const seen: number[] = [];
    await expect(async () => {
      for await (const batch of createLoader(failing, { batch: 8 }).epoch(1)) seen.push(...plain(batch).labels);
    }).rejects.toMatchObject({ code: 'MAN_DATA_IMAGE', message: expect.stringContaining("picture 11 of 'counting'") });
    expect(seen).toHaveLength(8);
  });
});

describe('trainingLoader, evaluationLoader', () => {
  const half = countingSplit(12);
  const dataset: Dataset = {
    name: 'd',
    classes: ['a'],
    imageShape: [8, 8, 3],
    train: half,
    test: { ...half, size: 12 },
    normalization,
    augmentation: augment,
  };

  it('apply what is customary for the data set, unless told otherwise', async () => {
    const own = createLoader(half, { batch: 4, seed: 1, shuffle: true, augment, normalization });
    expect(await all(trainingLoader(dataset, { batch: 4, seed: 1 }).epoch(1))).toEqual(await all(own.epoch(1)));
    const straight = createLoader(half, { batch: 4, normalization });
    expect(await all(evaluationLoader(dataset, { batch: 4 }).epoch(1))).toEqual(await all(straight.epoch(1)));
    expect(await all(trainingLoader(dataset, { batch: 4, augment: null, shuffle: false }).epoch(1))).toEqual(await all(straight.epoch(1)));
  });
});

describe('options', () => {
  it.each([
    [{ batch: 0 }, 'batch'],
    [{ batch: 2.5 }, 'batch'],
    [{ batch: 2, prefetch: 0 }, 'prefetch'],
    [{ batch: 2, workers: -1 }, 'workers'],
    [{ batch: 2, limit: 0 }, 'limit'],
    [{ batch: 2, seed: Number.NaN }, 'seed'],
    [{ batch: 2, augment: { pad: 8 } }, 'augment.pad'],
    [{ batch: 2, augment: { crop: 9 } }, 'augment.crop'],
    [{ batch: 2, augment: { padMode: 'edge' as 'zero' } }, 'augment.padMode'],
    [{ batch: 2, normalization: { mean: [0], std: [1] } }, 'normalization.mean'],
    [{ batch: 2, normalization: { mean: [0, 0, 0], std: [1, 0, 1] } }, 'normalization.std'],
    [{ batch: 50, dropLast: true }, 'batch'],
  ])('refuses %j, naming %s', (options, name) => {
    expect(() => createLoader(countingSplit(10), options)).toThrow(
      expect.objectContaining({ code: 'MAN_DATA_OPTION', message: expect.stringContaining(`${name}:`) }),
    );
  });

  it('refuses a split that contradicts itself', () => {
    const split = countingSplit(10);
    const bad = expect.objectContaining({ code: 'MAN_DATA_SPLIT' });
    expect(() => createLoader({ ...split, size: 9 }, { batch: 2 })).toThrow(bad);
    expect(() => createLoader({ ...split, imageShape: [8, 8, 4] }, { batch: 2 })).toThrow(bad);
    expect(() => createLoader({ ...split, size: 0, labels: new Uint8Array() }, { batch: 2 })).toThrow(bad);
  });

  it('refuses an epoch or a batch that is none', () => {
    const loader = createLoader(countingSplit(10), { batch: 4 });
    expect(() => loader.epoch(0)).toThrow(expect.objectContaining({ code: 'MAN_DATA_OPTION' }));
    expect(() => loader.epoch(1, { from: 4 })).toThrow(expect.objectContaining({ code: 'MAN_DATA_OPTION' }));
  });
});
