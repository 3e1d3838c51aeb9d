import { createRng, type Rng } from '@man/base';
import { allocateImages, type Dataset, type ImageSplit } from '@man/data';

/** Options of {@link myDataset}. */
export interface MyDatasetOptions {
  /** Decides the pictures; default 0. */
  readonly seed?: number;
  /** Pictures to train on; default 1,000. */
  readonly train?: number;
  /** Pictures to test on; default 200. */
  readonly test?: number;
}

const SHAPE = [16, 16, 3] as const;
const PICTURE = 16 * 16 * 3;

/**
 * Stripes of two colours, lying or standing, of any width and at any place: 16×16 pictures that are made from a seed.
 *
 * @example
 * ```ts
 * const train = trainingLoader(myDataset(), { batch: 64, seed: 7 });
 * ```
 */
export function myDataset({ seed = 0, train = 1000, test = 200 }: MyDatasetOptions = {}): Dataset {
  const rng = createRng(seed).split('my-dataset');
  return {
    name: 'my-dataset',
    classes: ['lying', 'standing'],
    imageShape: SHAPE,
    train: draw('train', train, rng),
    test: draw('test', test, rng),
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.29, 0.29, 0.29] },
    augmentation: { flip: true },
  };
}

/** One half of the set. Each picture has a stream of its own: fewer are the first of more. */
function draw(half: 'train' | 'test', size: number, rng: Rng): ImageSplit {
  const images = allocateImages(size, SHAPE);
  const labels = Uint8Array.from({ length: size }, (_, i) => i % 2);
  for (const [i, label] of labels.entries())
    drawStripes(images.subarray(i * PICTURE, (i + 1) * PICTURE), label === 1, rng.split(`${half}.${i}`));
  return { name: `my-dataset/${half}`, size, imageShape: SHAPE, images, labels };
}

function drawStripes(out: Uint8Array, isStanding: boolean, rng: Rng): void {
  const colour = () => [rng.integer(256), rng.integer(256), rng.integer(256)];
  const colours = [colour(), colour()];
  const [width, shift] = [1 + rng.integer(4), rng.integer(8)];
  for (let i = 0; i < PICTURE; i++) {
    const [row, column, channel] = [Math.floor(i / 48), Math.floor((i % 48) / 3), i % 3];
    const stripe = Math.floor(((isStanding ? column : row) + shift) / width) % 2;
    out[i] = colours[stripe]?.[channel] ?? 0;
  }
}
