import { disposeBatch } from '@man/core';
import { createLoader, type Dataset, type ImageSplit, type Loader, type LoaderOptions, trainingLoader } from '@man/data';
import { type Check, type ChecksOf, checksOf } from './check.ts';
import { demand, demandEqual, demandFinite, demandNoTensors, demandShape, type Values, valuesOf } from './compare.ts';

/** Options of {@link datasetConformance}. */
export interface DatasetConformanceOptions {
  /** Pictures of each half that are looked at, from the first on; default 24. */
  readonly pictures?: number;
}

/** A data set under test. */
export interface DatasetSubject {
  /** The same one for all checks. */
  first(): Promise<Dataset>;
  create(): Dataset | Promise<Dataset>;
  readonly pictures: number;
}

/**
 * What a {@link Dataset} has to keep to, so that loaders give the batches that trainers take, the same ones for the same seed.
 *
 * @param create reads the data set; called twice
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * describe('my pictures', () => runConformance(datasetConformance(() => myPictures({ dataDir })), { test }));
 * ```
 */
export function datasetConformance(create: () => Dataset | Promise<Dataset>, { pictures = 24 }: DatasetConformanceOptions = {}): Check[] {
  let made: Promise<Dataset> | undefined;
  const first = () => {
    made ??= Promise.resolve(create());
    return made;
  };
  return checksOf(DATASET_CHECKS, { create, first, pictures });
}

/** What a batch was. */
interface Seen {
  readonly images: Values;
  readonly labels: Values;
  readonly pixels: Values;
}

const HALVES = ['train', 'test'] as const;
/** On the calling thread: what is tested is the set. */
const LOADING = { workers: 0, seed: 7 };

/** The first pictures of a half. */
function head(split: ImageSplit, pictures: number): ImageSplit {
  const size = Math.min(pictures, split.size);
  const bytes = size * split.imageShape.reduce((a, b) => a * b, 1);
  const images = split.images instanceof Uint8Array ? split.images.subarray(0, bytes) : split.images;
  return { ...split, size, images, labels: split.labels.subarray(0, size) };
}

/** The batches of epoch 1, read and disposed of. */
async function readAll(loader: Loader, from = 0): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const batch of loader.epoch(1, { from })) {
    const { images, labels, pixels } = batch;
    seen.push({ images: valuesOf(images), labels: valuesOf(labels), pixels: pixels === undefined ? new Float32Array() : valuesOf(pixels) });
    disposeBatch(batch);
  }
  await loader.close();
  return seen;
}

const readSplit = (split: ImageSplit, options: Partial<LoaderOptions> = {}) =>
  readAll(createLoader(split, { ...LOADING, batch: 8, ...options }));

/** Training as is customary for the set, on its first pictures. */
function trainingOn(dataset: Dataset, pictures: number): Loader {
  return trainingLoader({ ...dataset, train: head(dataset.train, pictures) }, { ...LOADING, batch: 5 });
}

/** One after the other. */
function joined(batches: readonly Seen[], part: keyof Seen): Values {
  const values = new Float32Array(batches.reduce((sum, batch) => sum + batch[part].length, 0));
  let at = 0;
  for (const batch of batches) {
    values.set(batch[part], at);
    at += batch[part].length;
  }
  return values;
}

function demandSameBatches(found: readonly Seen[], expected: readonly Seen[], where: string, hint: string): void {
  for (const part of ['labels', 'pixels', 'images'] as const)
    demandEqual(joined(found, part), joined(expected, part), `${where}, ${part}`, hint);
}

/** Pictures, one by one. */
function picturesOf(batches: readonly Seen[], { imageShape }: ImageSplit): Values[] {
  const size = imageShape.reduce((a, b) => a * b, 1);
  const pixels = joined(batches, 'pixels');
  return Array.from({ length: pixels.length / size }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
}

/** Equal for equal pictures, and hardly for others. */
const digest = (picture: Values) => picture.reduce((hash, value) => Math.imul(hash ^ Math.round(255 * value), 0x01000193), 0x811c9dc5);

/** The checks by name. */
export const DATASET_CHECKS: ChecksOf<DatasetSubject> = {
  'says what it is': async ({ first }) => {
    const { name, classes, imageShape, train, test } = await first();
    demand(/^[a-z0-9][a-z0-9-]*$/.test(name), 'data set, name', 'a short lower-case name', `'${name}'`, 'such as cifar10');
    const isNamed = classes.length > 1 && new Set(classes).size === classes.length && classes.every((each) => each !== '');
    demand(isNamed, `${name}, classes`, 'two or more names that differ', classes.join(', '), 'in the order of the labels');
    const isShape = imageShape.length === 3 && imageShape.every((length) => Number.isInteger(length) && length > 0);
    demand(isShape, `${name}, imageShape`, '[height, width, channels]', `[${imageShape}]`, 'whole numbers above 0');
    for (const split of [train, test])
      demand(
        `${split.imageShape}` === `${imageShape}`,
        `${split.name}, imageShape`,
        `[${imageShape}]`,
        `[${split.imageShape}]`,
        'all pictures have one shape',
      );
    demand(train.name !== test.name, `${name}, names of its halves`, 'two', `'${train.name}' twice`, `such as ${name}/train`);
  },

  'has as many pictures and labels as it says': async ({ first }) => {
    const dataset = await first();
    for (const half of HALVES) {
      const { name, size, labels, images, imageShape } = dataset[half];
      demand(Number.isInteger(size) && size > 0, `${name}, size`, 'a whole number above 0', `${size}`, 'count the pictures');
      demand(labels.length === size, `${name}, labels`, `${size}`, `${labels.length}`, 'one label per picture');
      const off = labels.findIndex((label) => !(label >= 0 && label < dataset.classes.length));
      demand(off === -1, `${name}, label ${off}`, `0 … ${dataset.classes.length - 1}`, `${labels[off]}`, 'labels begin at 0');
      if (!(images instanceof Uint8Array)) continue;
      const bytes = size * imageShape.reduce((a, b) => a * b, 1);
      demand(images.length === bytes, `${name}, images`, `${bytes} bytes`, `${images.length}`, 'pictures lie one behind the other');
    }
  },

  'normalises each channel': async ({ first }) => {
    const { name, normalization, imageShape } = await first();
    for (const [kind, values] of Object.entries(normalization) as [string, readonly number[]][]) {
      const isRight =
        values.length === imageShape[2] && values.every((value) => value >= 0 && value <= 1 && (kind === 'mean' || value > 0));
      demand(isRight, `${name}, normalization.${kind}`, `${imageShape[2]} numbers of pixels in [0, 1]`, `[${values}]`, 'divide by 255');
    }
  },

  'gives the batches that trainers take': async ({ first, pictures }) => {
    const { normalization, ...dataset } = await first();
    for (const half of HALVES) {
      const split = head(dataset[half], pictures);
      const loader = createLoader(split, { ...LOADING, batch: 8, normalization });
      let seen = 0;
      for await (const batch of loader.epoch(1)) {
        const n = batch.images.shape[0] as number;
        demandShape(batch.images, [n, ...dataset.imageShape], `${split.name}, images`, 'pictures are [height, width, channels]');
        demandShape(batch.labels, [n], `${split.name}, labels`, 'one per picture', 'int32');
        demandFinite(batch.images, `${split.name}, images`, 'see normalization');
        demandEqual(valuesOf(batch.labels), split.labels.subarray(seen, seen + n), `${split.name}, labels`, 'in the order of the split');
        seen += n;
        disposeBatch(batch);
      }
      await loader.close();
      demand(seen === split.size, `${split.name}, an epoch`, `${split.size} pictures`, `${seen}`, 'every picture must be readable');
    }
  },

  'augments to the size of its pictures': async ({ first, pictures }) => {
    const dataset = await first();
    const { train } = dataset;
    const loader = trainingOn(dataset, pictures);
    const hint = 'augmentation.crop cuts out what a network for these pictures takes';
    demand(
      `${loader.imageShape}` === `${train.imageShape}`,
      `${train.name}, augmented`,
      `[${train.imageShape}]`,
      `[${loader.imageShape}]`,
      hint,
    );
    const pixels = joined(await readAll(loader), 'pixels');
    demand(
      pixels.every((value) => value >= 0 && value <= 1),
      `${train.name}, augmented`,
      'pixels in [0, 1]',
      'others',
      hint,
    );
  },

  'shows pictures': async ({ first, pictures }) => {
    const dataset = await first();
    for (const half of HALVES) {
      const split = head(dataset[half], pictures);
      const all = picturesOf(await readSplit(split), split);
      const flat = all.findIndex((picture) => picture.every((value) => value === picture[0]));
      demand(flat === -1, `${split.name}, picture ${flat}`, 'more than one colour', 'one', 'read writes the whole of out');
      const distinct = new Set(all.map(digest)).size;
      demand(split.size === 1 || distinct > 1, split.name, 'pictures that differ', 'one again and again', 'look at index');
    }
  },

  'keeps training and test pictures apart': async ({ first, pictures }) => {
    const { train, test } = await first();
    const digests = async (split: ImageSplit) => picturesOf(await readSplit(head(split, pictures)), split).map(digest);
    const [known, tested] = [new Set(await digests(train)), await digests(test)];
    const shared = tested.filter((picture) => known.has(picture)).length;
    const limit = Math.floor(tested.length / 2);
    demand(
      shared <= limit,
      test.name,
      `at most ${limit} of ${tested.length} pictures of the training half`,
      `${shared}`,
      'read another file',
    );
  },

  'gives the same pictures again': async ({ first, create, pictures }) => {
    const [dataset, again] = [await first(), await create()];
    for (const half of HALVES) {
      const split = head(dataset[half], pictures);
      const expected = await readSplit(split);
      const where = split.name;
      demandSameBatches(await readSplit(split), expected, `${where}, read twice`, 'without an rng, read draws nothing');
      demandSameBatches(
        await readSplit(split, { batch: 3 }),
        expected,
        `${where}, in other batches`,
        'a picture depends on its index alone',
      );
      demandSameBatches(
        await readSplit(head(again[half], pictures)),
        expected,
        `${where}, of the set made again`,
        'pictures and order are the same each time',
      );
    }
  },

  'trains on the same pictures from one seed': async ({ first, pictures }) => {
    const dataset = await first();
    const where = `${dataset.train.name}, for training`;
    const expected = await readAll(trainingOn(dataset, pictures));
    const hint = 'draw from the rng that read is given, never Math.random; keep nothing between pictures';
    demandSameBatches(await readAll(trainingOn(dataset, pictures)), expected, `${where}, twice`, hint);
    demandSameBatches(await readAll(trainingOn(dataset, pictures), 2), expected.slice(2), `${where}, from batch 3 on`, hint);
  },

  'leaves no tensors behind': async ({ first, pictures }) => {
    const dataset = await first();
    const hint = 'read fills bytes; tensors are the loader’s';
    await demandNoTensors(dataset.name, hint, async () => {
      await readAll(trainingOn(dataset, pictures));
      const loader = trainingOn(dataset, pictures);
      for await (const batch of loader.epoch(1)) {
        disposeBatch(batch);
        break;
      }
      await loader.close();
    });
  },
};
