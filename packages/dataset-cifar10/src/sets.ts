import type { Checksum, Normalization, PublishedLabels } from '@man/data';
import { CIFAR100_COARSE, CIFAR100_FINE } from './cifar100-classes.ts';

/** Names of the classes of CIFAR-10, by label. */
export const CIFAR10_CLASSES: readonly string[] = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
];

/** A file of a layout that holds pictures. */
export interface BatchFile {
  readonly name: string;
  readonly half: 'train' | 'test';
  readonly records: number;
  readonly bytes: number;
  readonly checksum: Checksum;
}

/** A published version of a set. */
export interface Layout {
  readonly name: 'binary' | 'python';
  /** What the archive unpacks to. */
  readonly folder: string;
  readonly archive: string;
  readonly archiveBytes: number;
  /** The page of its author, University of Toronto. */
  readonly url: string;
  readonly checksum: Checksum;
  /** Training files in order, then the test file. */
  readonly files: readonly BatchFile[];
  /** The files with the class names; of the python version one. */
  readonly names: readonly string[];
}

/** Which of the labels of a record is meant, and what they are called. */
export interface LabelKind {
  readonly classes: readonly string[];
  /** Of a record of the binary version: how many bytes stand before the picture, and which of them it is. */
  readonly labelBytes: number;
  readonly labelAt: number;
  /** Keys in the python version. */
  readonly labelsKey: string;
  readonly namesKey: string;
  /** In the binary version. */
  readonly namesFile: string;
  /** Column of the parquet copies. */
  readonly column: string;
  readonly published: Readonly<Record<'train' | 'test', PublishedLabels>>;
}

/** CIFAR-10 or CIFAR-100. */
export interface CifarSet {
  readonly name: 'cifar10' | 'cifar100';
  readonly title: string;
  /** Where to download from instead of the author's page, if the environment says so. */
  mirrorOf(env: Readonly<NodeJS.ProcessEnv>): string | undefined;
  readonly layouts: readonly Layout[];
  readonly normalization: Normalization;
  /** Folders that hold parquet copies, below which they are looked for. */
  readonly parquetFolders: readonly string[];
}

const md5 = (hex: string): Checksum => ({ algorithm: 'md5', hex });
const sha256 = (hex: string): Checksum => ({ algorithm: 'sha256', hex });
const AUTHOR = 'https://www.cs.toronto.edu/~kriz';

/** One of the six binary files; checksums as published by torchvision for Ruby. */
const binary10 = (name: string, half: BatchFile['half'], hex: string): BatchFile => ({
  ...{ name, half, records: 10_000, bytes: 30_730_000, checksum: sha256(hex) },
});
const python10 = (name: string, half: BatchFile['half'], bytes: number, hex: string): BatchFile => ({
  ...{ name, half, records: 10_000, bytes, checksum: md5(hex) },
});

/** Sizes and checksums of archives and python files as published by torchvision. */
export const CIFAR10: CifarSet = {
  name: 'cifar10',
  title: 'CIFAR-10',
  mirrorOf: (env) => env.MAN_CIFAR10_URL,
  layouts: [
    {
      name: 'binary',
      folder: 'cifar-10-batches-bin',
      archive: 'cifar-10-binary.tar.gz',
      archiveBytes: 170_052_171,
      url: `${AUTHOR}/cifar-10-binary.tar.gz`,
      checksum: md5('c32a1d4ab5d03f1284b67883e8d87530'),
      files: [
        binary10('data_batch_1.bin', 'train', 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5'),
        binary10('data_batch_2.bin', 'train', 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed'),
        binary10('data_batch_3.bin', 'train', 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67'),
        binary10('data_batch_4.bin', 'train', '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48'),
        binary10('data_batch_5.bin', 'train', '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add'),
        binary10('test_batch.bin', 'test', '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b'),
      ],
      names: ['batches.meta.txt'],
    },
    {
      name: 'python',
      folder: 'cifar-10-batches-py',
      archive: 'cifar-10-python.tar.gz',
      archiveBytes: 170_498_071,
      url: `${AUTHOR}/cifar-10-python.tar.gz`,
      checksum: md5('c58f30108f718f92721af3b95e74349a'),
      files: [
        python10('data_batch_1', 'train', 31_035_704, 'c99cafc152244af753f735de768cd75f'),
        python10('data_batch_2', 'train', 31_035_320, 'd4bba439e000b95fd0a9bffe97cbabec'),
        python10('data_batch_3', 'train', 31_035_999, '54ebc095f3ab1f0389bbae665268c751'),
        python10('data_batch_4', 'train', 31_035_696, '634d18415352ddfa80567beed471001a'),
        python10('data_batch_5', 'train', 31_035_623, '482c414d41f54cd18b22e5b47cb7c3cb'),
        python10('test_batch', 'test', 31_035_526, '40351d587109b95175f43aff81a1287e'),
      ],
      names: ['batches.meta'],
    },
  ],
  normalization: { mean: [125.3 / 255, 123.0 / 255, 113.9 / 255], std: [63.0 / 255, 62.1 / 255, 66.7 / 255] },
  parquetFolders: ['cifar10', 'cifar-10', 'cifar10-parquet'],
};

/** As for CIFAR-10. */
export const CIFAR100: CifarSet = {
  name: 'cifar100',
  title: 'CIFAR-100',
  mirrorOf: (env) => env.MAN_CIFAR100_URL,
  layouts: [
    {
      name: 'binary',
      folder: 'cifar-100-binary',
      archive: 'cifar-100-binary.tar.gz',
      archiveBytes: 168_513_733,
      url: `${AUTHOR}/cifar-100-binary.tar.gz`,
      checksum: sha256('58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec'),
      files: [
        {
          ...{ name: 'train.bin', half: 'train', records: 50_000, bytes: 153_700_000 },
          checksum: sha256('f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29'),
        },
        {
          ...{ name: 'test.bin', half: 'test', records: 10_000, bytes: 30_740_000 },
          checksum: sha256('d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a'),
        },
      ],
      names: ['fine_label_names.txt', 'coarse_label_names.txt'],
    },
    {
      name: 'python',
      folder: 'cifar-100-python',
      archive: 'cifar-100-python.tar.gz',
      archiveBytes: 169_001_437,
      url: `${AUTHOR}/cifar-100-python.tar.gz`,
      checksum: md5('eb9058c3a382ffc7106e4002c42a8d85'),
      files: [
        {
          ...{ name: 'train', half: 'train', records: 50_000, bytes: 155_249_918 },
          checksum: md5('16019d7e3df5f24257cddd939b257f8d'),
        },
        { ...{ name: 'test', half: 'test', records: 10_000, bytes: 31_049_933 }, checksum: md5('f0ef6b0ae62326f3e7ffdfab6717acfc') },
      ],
      names: ['meta'],
    },
  ],
  normalization: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
  parquetFolders: ['cifar100', 'cifar-100', 'cifar100-parquet'],
};

const every = (classes: readonly string[], size: number, first: readonly number[]): PublishedLabels => ({
  ...{ size, first, counts: classes.map(() => size / classes.length) },
});

/** The labels of CIFAR-10. */
export const LABELS10: LabelKind = {
  classes: CIFAR10_CLASSES,
  labelBytes: 1,
  labelAt: 0,
  labelsKey: 'labels',
  namesKey: 'label_names',
  namesFile: 'batches.meta.txt',
  column: 'label',
  published: {
    train: every(CIFAR10_CLASSES, 50_000, [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]),
    test: every(CIFAR10_CLASSES, 10_000, [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]),
  },
};

/** The labels of CIFAR-100: a hundred classes, or the twenty that they belong to. */
export const LABELS100: Readonly<Record<'fine' | 'coarse', LabelKind>> = {
  fine: {
    classes: CIFAR100_FINE,
    labelBytes: 2,
    labelAt: 1,
    labelsKey: 'fine_labels',
    namesKey: 'fine_label_names',
    namesFile: 'fine_label_names.txt',
    column: 'fine_label',
    published: { train: every(CIFAR100_FINE, 50_000, [19, 29, 0, 11, 1]), test: every(CIFAR100_FINE, 10_000, [49, 33, 72, 51, 71]) },
  },
  coarse: {
    classes: CIFAR100_COARSE,
    labelBytes: 2,
    labelAt: 0,
    labelsKey: 'coarse_labels',
    namesKey: 'coarse_label_names',
    namesFile: 'coarse_label_names.txt',
    column: 'coarse_label',
    published: { train: every(CIFAR100_COARSE, 50_000, [11, 15, 4, 14, 1]), test: every(CIFAR100_COARSE, 10_000, [10, 10, 0, 4, 10]) },
  },
};
