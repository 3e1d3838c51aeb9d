import { defineSchema, nonNegativeInt, oneOf, positiveInt } from '@man/base';
import { outputShape, type Recipe, recipeOf } from './augment.ts';
import type { Augmentation, ImageSplit, Normalization, RandomResizedCrop } from './dataset.ts';
import { invalidOption, invalidSplit } from './errors.ts';
import type { CropRange } from './sizing.ts';

/** A picture that could not be read and was left out. */
export interface UnreadablePicture {
  /** In the split. */
  readonly index: number;
  /** A path or a name within the set; the index for pictures that have none. */
  readonly name: string;
  /** What is wrong with it. */
  readonly reason: string;
}

/** What {@link createLoader} can be told. */
export interface LoaderOptions {
  /** Pictures per batch. */
  readonly batch: number;
  /** All random choices come from it: equal seeds give equal batches. Default 0. */
  readonly seed?: number | string;
  /** Whether every epoch has an order of its own. Default false. */
  readonly shuffle?: boolean;
  /** Random crops and flips; null or absent for none (evaluation). */
  readonly augment?: Augmentation | null;
  /** How `images` are made from `pixels`: `(pixels - mean) / std`. Null or absent: they are equal. */
  readonly normalization?: Normalization | null;
  /** Whether batches carry `pixels`, the pictures before normalisation. Training that rebuilds no pictures can do without. Default true. */
  readonly pixels?: boolean;
  /** At most so many pictures of the split: a fixed random choice that depends on neither seed nor epoch. Default: all. */
  readonly limit?: number;
  /** Whether a last smaller batch is left out. Default false. */
  readonly dropLast?: boolean;
  /**
   * Threads that prepare batches; 0 prepares them on the calling thread. The batches are the same, bit for bit.
   *
   * Default: 1, for files that have to be decoded as many as there are cores (8 at most); 0 on a machine with one core or where the package
   * runs from its TypeScript sources.
   */
  readonly workers?: number;
  /** Batches prepared ahead of the one in use. Default 3. */
  readonly prefetch?: number;
  /**
   * What becomes of pictures that cannot be read: `'fail'` (default) ends the iteration with `MAN_DATA_IMAGE`, `'skip'` leaves them out, so
   * that their batch is smaller (and is left out itself when nothing remains).
   */
  readonly unreadable?: 'fail' | 'skip';
  /** Called for each picture that is left out, each time it would have come. */
  readonly onUnreadable?: (picture: UnreadablePicture) => void;
}

/** How loaders prepare batches, as keys of a configuration; null stands for what is not given. */
export const loaderSchema = defineSchema({
  workers: { doc: 'Threads that prepare batches; null decides by itself.', default: null, format: nonNegativeInt, nullable: true },
  prefetch: { doc: 'Batches prepared ahead.', default: 3, format: positiveInt },
  unreadable: {
    doc: 'What becomes of pictures that cannot be read: the run fails, or they are named and left out.',
    default: 'fail',
    format: oneOf('fail', 'skip'),
  },
});

/** Options with defaults, checked against the split. */
export interface LoaderSettings {
  readonly batch: number;
  readonly seed: number | string;
  readonly shuffle: boolean;
  readonly recipe: Recipe | null;
  readonly range: CropRange | null;
  readonly normalization: Normalization | null;
  readonly pixels: boolean;
  readonly limit: number;
  readonly dropLast: boolean;
  readonly workers: number | undefined;
  readonly prefetch: number;
  readonly unreadable: 'fail' | 'skip';
  readonly onUnreadable: (picture: UnreadablePicture) => void;
}

/** @throws `MAN_DATA_OPTION`, `MAN_DATA_SPLIT` */
export function settle(split: ImageSplit, options: LoaderOptions): LoaderSettings {
  checkSplit(split);
  const { seed = 0, shuffle = false, augment = null, normalization = null, dropLast = false, workers, prefetch = 3 } = options;
  const { unreadable = 'fail', onUnreadable = () => {}, pixels = true } = options;
  if (unreadable !== 'fail' && unreadable !== 'skip') throw invalidOption('unreadable', "'fail' or 'skip'", unreadable);
  whole('batch', options.batch, 1);
  whole('prefetch', prefetch, 1);
  if (workers !== undefined) whole('workers', workers, 0);
  if (options.limit !== undefined) whole('limit', options.limit, 1);
  if (typeof seed === 'number' && !Number.isFinite(seed)) throw invalidOption('seed', 'a finite number or a text', seed);
  if (normalization !== null) checkNormalization(normalization, split.imageShape[2]);
  const recipe = augment === null ? null : recipeOf(augment, split.imageShape);
  if (recipe !== null) checkRecipe(recipe, split);
  const range = augment?.randomResizedCrop === undefined ? null : rangeOf(augment.randomResizedCrop, split.imageShape[2]);
  const limit = Math.min(options.limit ?? split.size, split.size);
  if (dropLast && limit < options.batch)
    throw invalidOption('batch', `at most the ${limit} pictures of an epoch, with dropLast`, options.batch);
  return {
    batch: options.batch,
    seed,
    shuffle,
    recipe,
    range,
    normalization,
    pixels,
    limit,
    dropLast,
    workers,
    prefetch,
    unreadable,
    onUnreadable,
  };
}

function checkSplit({ name, size, imageShape, images, labels }: ImageSplit): void {
  const pixels = size * imageShape[0] * imageShape[1] * imageShape[2];
  if (!(Number.isInteger(size) && size > 0)) throw invalidSplit(name, `expected at least one picture, got size ${size}`);
  if (labels.length !== size) throw invalidSplit(name, `expected ${size} labels, got ${labels.length}`);
  if (images instanceof Uint8Array && images.length !== pixels) {
    throw invalidSplit(name, `expected ${size}×${imageShape.join('×')} = ${pixels} bytes of pictures, got ${images.length}`);
  }
  if ('locate' in images && (imageShape[2] !== 3 || !(images.resize >= Math.max(imageShape[0], imageShape[1])))) {
    const expected = 'files of pictures give 3 channels, and resize is no smaller than the centre that is cut out';
    throw invalidSplit(name, `${expected}; got ${imageShape.join('×')} and resize ${images.resize}`);
  }
}

function rangeOf({ scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomResizedCrop, channels: number): CropRange {
  if (channels !== 3) throw invalidOption('augment.randomResizedCrop', 'pictures of 3 channels', channels);
  const isRange = ([least, most]: readonly [number, number], limit: number) => least > 0 && least <= most && most <= limit;
  if (!isRange(scale, 1)) throw invalidOption('augment.randomResizedCrop.scale', 'two shares, 0 < least ≤ most ≤ 1', scale);
  if (!isRange(ratio, 1000)) throw invalidOption('augment.randomResizedCrop.ratio', 'two ratios, 0 < least ≤ most', ratio);
  return { scale, ratio };
}

function checkRecipe(recipe: Recipe, split: ImageSplit): void {
  const [height, width] = split.imageShape;
  whole('augment.pad', recipe.pad, 0);
  if (recipe.padMode !== 'reflect' && recipe.padMode !== 'zero') {
    throw invalidOption('augment.padMode', "'reflect' or 'zero'", recipe.padMode);
  }
  const short = Math.min(height, width);
  if (recipe.padMode === 'reflect' && recipe.pad >= short) {
    throw invalidOption('augment.pad', `less than ${short}, the picture's shorter side, to reflect`, recipe.pad);
  }
  whole('augment.crop', recipe.crop[0], 1);
  const [outHeight, outWidth] = outputShape(split.imageShape, recipe);
  if (outHeight > height + 2 * recipe.pad || outWidth > width + 2 * recipe.pad) {
    throw invalidOption('augment.crop', `at most ${short + 2 * recipe.pad}, the padded picture's shorter side`, recipe.crop[0]);
  }
}

function checkNormalization({ mean, std }: Normalization, channels: number): void {
  for (const [name, values] of [
    ['mean', mean],
    ['std', std],
  ] as const) {
    if (values.length !== channels || !values.every((value) => Number.isFinite(value) && (name === 'mean' || value > 0))) {
      throw invalidOption(`normalization.${name}`, `${channels} ${name === 'mean' ? '' : 'positive '}numbers, one per channel`, values);
    }
  }
}

function whole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) throw invalidOption(name, `a whole number of at least ${least}`, value);
}
