import { anyOf, createRng, defineSchema, finiteNumber, positiveInt, type Rng, sharedBytes, text } from '@man/base';
import type { Dataset, ImageShape, ImageSplit } from '@man/data';
import { invalidOption } from './errors.ts';
import { FIGURES, type Figure } from './figures.ts';
import { drawPicture, PICTURE, SIDE } from './picture.ts';

/** What {@link shapes} can be told. */
export interface ShapesOptions {
  /** Default 0. */
  readonly seed?: number | string;
  /** Pictures to train on. Default 5,000. */
  readonly train?: number;
  /** Pictures to test on. Default 1,000. */
  readonly test?: number;
}

/** {@link ShapesOptions} as keys of a configuration. */
export const shapesSchema = defineSchema({
  seed: { doc: 'Decides the pictures.', default: 0, format: anyOf(finiteNumber, text) },
  train: { doc: 'Pictures to train on.', default: 5000, format: positiveInt },
  test: { doc: 'Pictures to test on.', default: 1000, format: positiveInt },
});

/** Names of the classes, by label. */
export const SHAPES_CLASSES: readonly string[] = Object.keys(FIGURES);

const SHAPE: ImageShape = [SIDE, SIDE, 3];

/**
 * A data set that needs no download: 32×32 colour pictures of ten figures, generated from a seed, byte for byte equal on every machine.
 *
 * Colour, place, size, direction and background are drawn alike for all classes, so a linear model on the pixels fails and a small
 * convolutional network succeeds. Every ten pictures in a row have all ten classes. Picture i depends on the seed, the half and i only:
 * fewer pictures are the first of more.
 *
 * @throws `MAN_SHAPES_OPTION`
 *
 * @example
 * ```ts
 * const dataset = shapes({ seed: 7 });
 * const train = trainingLoader(dataset, { batch: 128, seed: 7 });
 * ```
 */
export function shapes({ seed = 0, train = 5000, test = 1000 }: ShapesOptions = {}): Dataset {
  if (typeof seed === 'number' && !Number.isFinite(seed)) throw invalidOption('seed', 'a finite number or a text', seed);
  for (const [half, size] of Object.entries({ train, test })) {
    if (!Number.isInteger(size) || size < 1) throw invalidOption(half, 'a whole number of at least 1', size);
  }
  const rng = createRng(seed).split('shapes');
  return {
    name: 'shapes',
    classes: SHAPES_CLASSES,
    imageShape: SHAPE,
    train: generate('train', train, rng.split('train')),
    test: generate('test', test, rng.split('test')),
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.243, 0.243, 0.243] },
    augmentation: { pad: 4, padMode: 'reflect', crop: 32, flip: true },
  };
}

function generate(half: 'train' | 'test', size: number, rng: Rng): ImageSplit {
  const figures: readonly Figure[] = Object.values(FIGURES);
  const images = sharedBytes(size * PICTURE);
  const labels = new Uint8Array(size);
  let order: Uint32Array = new Uint32Array();
  for (let i = 0; i < size; i++) {
    const group = Math.floor(i / figures.length);
    if (i % figures.length === 0) order = rng.split(`labels:${group}`).permutation(figures.length);
    const label = order[i % figures.length] as number;
    labels[i] = label;
    drawPicture(rng.split(`picture:${i}`), figures[label] as Figure, images, i * PICTURE);
  }
  return { name: `shapes/${half}`, size, imageShape: SHAPE, images, labels };
}
