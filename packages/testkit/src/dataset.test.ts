import type { Rng } from '@man/base';
import type { Dataset, ImageReader, ImageSplit } from '@man/data';
import * as tf from '@tensorflow/tfjs';
import { datasetConformance } from './index.ts';
import { expectToCatch } from './testing.ts';

const SHAPE = [4, 5, 3] as const;
const PICTURE = 60;

/** Pictures that are made when they are needed, and, for training, shifted by a random number. */
function split(name: string, size: number, from: number, read = pictureOf): ImageSplit {
  const images: ImageReader = { read: (index, out, rng) => read(from + index, out, rng) };
  return { name, size, imageShape: SHAPE, images, labels: Uint8Array.from({ length: size }, (_, i) => i % 3) };
}

function pictureOf(index: number, out: Uint8Array, rng: Rng | null): void {
  const shift = rng === null ? 0 : rng.integer(9);
  for (let i = 0; i < PICTURE; i++) out[i] = (index * 13 + i * 7 + shift) & 255;
}

const right = (read = pictureOf): Dataset => ({
  name: 'numbers',
  classes: ['one', 'two', 'three'],
  imageShape: SHAPE,
  train: split('numbers/train', 17, 0, read),
  test: split('numbers/test', 11, 100, read),
  normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  augmentation: { flip: true },
});

/** The suite for a set that is otherwise. */
const changed = (change: (dataset: Dataset) => Partial<Dataset>) => () =>
  datasetConformance(() => {
    const dataset = right();
    return { ...dataset, ...change(dataset) };
  });
const training = (change: Partial<ImageSplit>) => changed(({ train }) => ({ train: { ...train, ...change } }));
const reading = (read: typeof pictureOf) => () => datasetConformance(() => right(read));

let reads = 0;

expectToCatch('datasetConformance', datasetConformance(right), {
  'says what it is': {
    'no name': changed(() => ({ name: '' })),
    'one class': changed(() => ({ classes: ['one'] })),
    'a class twice': changed(() => ({ classes: ['one', 'two', 'one'] })),
    'a shape without channels': changed(() => ({ imageShape: [4, 5] as unknown as Dataset['imageShape'] })),
    'halves of different shapes': training({ imageShape: [4, 4, 3] }),
    'halves of one name': training({ name: 'numbers/test' }),
  },
  'has as many pictures and labels as it says': {
    'no pictures': training({ size: 0 }),
    'a label too few': training({ labels: new Uint8Array(16) }),
    'labels from 1 on': training({ labels: Uint8Array.from({ length: 17 }, (_, i) => 1 + (i % 3)) }),
    'a byte too few': training({ images: new Uint8Array(17 * PICTURE - 1) }),
  },
  'normalises each channel': {
    'one number for all channels': changed(() => ({ normalization: { mean: [0.5], std: [0.25] } })),
    'numbers of bytes': changed(() => ({ normalization: { mean: [127, 127, 127], std: [64, 64, 64] } })),
    'a deviation of 0': changed(() => ({ normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0, 0.25] } })),
  },
  'gives the batches that trainers take': {
    'a picture that cannot be read': reading((index, out, rng) => {
      if (index === 9) throw new Error('no such picture');
      pictureOf(index, out, rng);
    }),
  },
  'augments to the size of its pictures': {
    'a crop that is smaller': changed(() => ({ augmentation: { crop: 3 } })),
  },
  'shows pictures': {
    'a reader that writes nothing': reading(() => {}),
    'a reader that only shows the first': reading((_, out, rng) => pictureOf(0, out, rng)),
    'a picture that is black': reading((index, out, rng) => (index === 5 ? undefined : pictureOf(index, out, rng))),
  },
  'keeps training and test pictures apart': {
    'one file for both': changed(({ train }) => ({ test: { ...train, name: 'numbers/test' } })),
  },
  'gives the same pictures again': {
    'random pictures in evaluation': reading((index, out) => pictureOf(index + Math.floor(1000 * Math.random()), out, null)),
    'another order each time': () => {
      let times = 0;
      return datasetConformance(() => {
        const dataset = right();
        return { ...dataset, train: split('numbers/train', 17, times++) };
      });
    },
    'labels in another order each time': () => {
      let times = 0;
      return datasetConformance(() => {
        const dataset = right();
        const labels = dataset.train.labels.map((label) => (label + times) % 3);
        times++;
        return { ...dataset, train: { ...dataset.train, labels } };
      });
    },
  },
  'trains on the same pictures from one seed': {
    'Math.random while decoding': reading((index, out, rng) =>
      pictureOf(index + (rng === null ? 0 : Math.floor(99 * Math.random())), out, rng),
    ),
    'a reader that counts': reading((index, out, rng) => pictureOf(index + (rng === null ? 0 : reads++), out, rng)),
  },
  'leaves no tensors behind': {
    'a tensor per picture': reading((index, out, rng) => {
      tf.keep(tf.scalar(1));
      pictureOf(index, out, rng);
    }),
  },
});
