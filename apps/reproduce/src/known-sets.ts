import type { ImageShape } from '@man/data';
import type { TrainConfig } from './schema/index.ts';

type DatasetConfig = TrainConfig['dataset'];

/** What is known of a data set before it is opened. */
export interface KnownSet {
  /** What people call it. */
  readonly title: string;
  readonly classes: number;
  readonly imageShape: ImageShape;
  /** Pictures to train on; infinite while unknown. */
  readonly pictures: number;
  /** Pictures to test on. */
  readonly testPictures: number;
}

/** By `dataset.type`. `auto` is taken for what it decides for where nothing is downloaded yet. */
const SETS: { readonly [T in DatasetConfig['type']]: (options: Extract<DatasetConfig, { readonly type: T }>) => KnownSet } = {
  auto: () => ({ title: 'CIFAR-10', classes: 10, imageShape: [32, 32, 3], pictures: Number.POSITIVE_INFINITY, testPictures: 10_000 }),
  cifar10: () => ({ title: 'CIFAR-10', classes: 10, imageShape: [32, 32, 3], pictures: 50_000, testPictures: 10_000 }),
  cifar100: ({ labels }) => ({
    title: labels === 'fine' ? 'CIFAR-100' : 'CIFAR-100 (20 classes)',
    classes: labels === 'fine' ? 100 : 20,
    imageShape: [32, 32, 3],
    pictures: 50_000,
    testPictures: 10_000,
  }),
  svhn: ({ extra }) => ({ title: 'SVHN', classes: 10, imageShape: [32, 32, 3], pictures: extra ? 604_388 : 73_257, testPictures: 26_032 }),
  stl10: ({ fold }) => ({
    title: 'STL-10',
    classes: 10,
    imageShape: [96, 96, 3],
    pictures: fold === null ? 5000 : 1000,
    testPictures: 8000,
  }),
  imagenet: ({ size }) => ({ title: 'ImageNet', classes: 1000, imageShape: [size, size, 3], pictures: 1_281_167, testPictures: 50_000 }),
  shapes: ({ train, test }) => ({ title: 'shapes', classes: 10, imageShape: [32, 32, 3], pictures: train, testPictures: test }),
};

/** What is known of the data set of a configuration. */
export function knownSet(options: DatasetConfig): KnownSet {
  return (SETS[options.type] as (options: DatasetConfig) => KnownSet)(options);
}
