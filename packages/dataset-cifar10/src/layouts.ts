import type { Checksum } from '@man/data';

/** Names of the classes, by label. */
export const CIFAR10_CLASSES: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** A published version of the set. */
export interface Layout {
  readonly name: 'binary' | 'python';
  /** What the archive unpacks to. */
  readonly folder: string;
  readonly archive: string;
  /** The page of its author, University of Toronto. */
  readonly url: string;
  readonly checksum: Checksum;
  /** Training files in order, then the test file; with the published md5, where there is one. */
  readonly files: readonly { readonly name: string; readonly md5: string | null }[];
  /** The file with the class names. */
  readonly meta: string;
}

const md5 = (hex: string): Checksum => ({ algorithm: 'md5', hex });

/** The two versions that are read. Checksums as published by torchvision; the single files of the binary version have none. */
export const LAYOUTS: readonly Layout[] = [
  {
    name: 'binary',
    folder: 'cifar-10-batches-bin',
    archive: 'cifar-10-binary.tar.gz',
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    checksum: md5('c32a1d4ab5d03f1284b67883e8d87530'),
    files: [
      { name: 'data_batch_1.bin', md5: null },
      { name: 'data_batch_2.bin', md5: null },
      { name: 'data_batch_3.bin', md5: null },
      { name: 'data_batch_4.bin', md5: null },
      { name: 'data_batch_5.bin', md5: null },
      { name: 'test_batch.bin', md5: null },
    ],
    meta: 'batches.meta.txt',
  },
  {
    name: 'python',
    folder: 'cifar-10-batches-py',
    archive: 'cifar-10-python.tar.gz',
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz',
    checksum: md5('c58f30108f718f92721af3b95e74349a'),
    files: [
      { name: 'data_batch_1', md5: 'c99cafc152244af753f735de768cd75f' },
      { name: 'data_batch_2', md5: 'd4bba439e000b95fd0a9bffe97cbabec' },
      { name: 'data_batch_3', md5: '54ebc095f3ab1f0389bbae665268c751' },
      { name: 'data_batch_4', md5: '634d18415352ddfa80567beed471001a' },
      { name: 'data_batch_5', md5: '482c414d41f54cd18b22e5b47cb7c3cb' },
      { name: 'test_batch', md5: '40351d587109b95175f43aff81a1287e' },
    ],
    meta: 'batches.meta',
  },
];
