import type { PublishedFile, PublishedLabels } from '@man/data';

/** The halves of the set, each in a file of its own. */
export type Part = 'train' | 'test' | 'extra';

/** The page of its authors, Stanford University. */
export const URL = 'http://ufldl.stanford.edu/housenumbers';

const file = (name: string, bytes: number, hex: string): PublishedFile => ({ name, bytes, checksum: { algorithm: 'sha256', hex } });

/** Sizes and checksums as published by TensorFlow Datasets. */
export const FILES: Readonly<Record<Part, PublishedFile>> = {
  train: file('train_32x32.mat', 182_040_794, '435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8'),
  test: file('test_32x32.mat', 64_275_384, 'cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b'),
  extra: file('extra_32x32.mat', 1_329_278_602, 'a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3'),
};

/** What is known of the labels, 0 first. Of the training half the first labels are not. */
export const LABELS: Readonly<Record<'train' | 'test', PublishedLabels>> = {
  train: { size: 73_257, first: [], counts: [4948, 13_861, 10_585, 8497, 7458, 6882, 5727, 5595, 5045, 4659] },
  test: { size: 26_032, first: [5, 2, 1, 0, 6, 1, 9, 1, 1, 8], counts: [1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595] },
};
