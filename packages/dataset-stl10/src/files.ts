import type { Checksum, PublishedFile, PublishedLabels } from '@man/data';

/** Names of the classes, by label. Not in the order of CIFAR-10. */
export const STL10_CLASSES: readonly string[] = ['airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'];

/** What the archive unpacks to. */
export const FOLDER = 'stl10_binary';
export const ARCHIVE = 'stl10_binary.tar.gz';
/** The page of its authors, Stanford University. */
export const URL = 'http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz';
export const ARCHIVE_CHECKSUM: Checksum = { algorithm: 'md5', hex: '91f7769df0f17e558f3565bffb0c7dfb' };

const file = (name: string, bytes: number, hex: string): PublishedFile => ({ name, bytes, checksum: { algorithm: 'md5', hex } });

/** Sizes and checksums as published by torchvision. */
export const FILES = {
  trainImages: file('train_X.bin', 138_240_000, '918c2871b30a85fa023e0c44e0bee87f'),
  trainLabels: file('train_y.bin', 5000, '5a34089d4802c674881badbb80307741'),
  testImages: file('test_X.bin', 221_184_000, '7f263ba9f9e0b06b93213547f721ac82'),
  testLabels: file('test_y.bin', 8000, '36f9794fa4beb8a2c72628de14fa638e'),
  classes: file('class_names.txt', 55, '6de44d022411c4d5cda4673b7f147c3f'),
  folds: file('fold_indices.txt', 47_794, '4bbf8cd098ab9f87fe03fbcb37c06b28'),
  unlabelled: file('unlabeled_X.bin', 2_764_800_000, '5242ba1fed5e4be9e1e742405eb56ca4'),
} as const;

const every = (count: number) => STL10_CLASSES.map(() => count);

/** What is known of the labels; one less than in the files, where they begin with 1. */
export const LABELS: Readonly<Record<'train' | 'test', PublishedLabels>> = {
  train: { size: 5000, first: [1, 5, 1, 6, 3, 9, 7, 4], counts: every(500) },
  test: { size: 8000, first: [6, 7, 5, 0, 3, 1, 1, 1], counts: every(800) },
};
