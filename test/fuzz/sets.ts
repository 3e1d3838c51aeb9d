import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Rng } from '@man/base';
import { type Dataset, evaluationLoader } from '@man/data';
import { stl10 } from '@man/dataset-stl10';
import { svhn } from '@man/dataset-svhn';
import { dispose } from '@tensorflow/tfjs';
import { cifar10With } from '../../packages/dataset-cifar10/src/cifar10.ts';
import { layoutFiles } from '../../packages/dataset-cifar10/src/testing/files.ts';
import { imagenet } from '../../packages/dataset-imagenet/src/imagenet.ts';
import { bytesOf, mat, parquet, tar } from '../../packages/dataset-imagenet/src/testing/files.ts';
import { matFile } from '../../packages/dataset-svhn/src/testing/files.ts';
import { resigned } from './archives.ts';
import { pick, type Reader } from './cases.ts';
import { damage } from './damage.ts';

/** The files of a set by their path. */
type Files = Readonly<Record<string, Uint8Array>>;

const COUNT = 5;
const STL10: Files = {
  'stl10_binary/train_X.bin': Buffer.alloc(3 * 27_648, 'stl'),
  'stl10_binary/train_y.bin': Buffer.of(1, 10, 3),
  'stl10_binary/test_X.bin': Buffer.alloc(2 * 27_648, 'test'),
  'stl10_binary/test_y.bin': Buffer.of(2, 4),
  'stl10_binary/unlabeled_X.bin': Buffer.alloc(2 * 27_648, 'more'),
  'stl10_binary/class_names.txt': Buffer.from('airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n'),
  'stl10_binary/fold_indices.txt': Buffer.from('0 2 1 \n'.repeat(10)),
};
const SVHN: Files = { 'svhn/train_32x32.mat': matFile(0, 4), 'svhn/test_32x32.mat': matFile(9, 2, { packed: false, y: 'uint8' }) };
const cifarFiles = (name: 'binary' | 'python'): Files =>
  Object.fromEntries(
    layoutFiles(name, COUNT).map(([file, bytes]) => [`cifar-10-batches-${name === 'binary' ? 'bin' : 'py'}/${file}`, bytes]),
  );
const HUB: Files = {
  'cifar10/plain_text/train-00000-of-00001.parquet': parquet('none-v1'),
  'cifar10/plain_text/test-00000-of-00001.parquet': parquet('snappy-v2'),
};
const IMAGENET_HUB: Files = {
  'imagenet-1k/data/train-00000-of-00001.parquet': parquet('hub'),
  'imagenet-1k/data/validation-00000-of-00001.parquet': parquet('hub'),
};
const DEVKIT: Files = {
  'ILSVRC2012_devkit_t12/data/meta.mat': mat('synsets-packed'),
  'ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt': Buffer.from('3\n1\n4\n1\n'),
};

/** The official archives of ImageNet in small. */
async function imagenetTars(): Promise<Files> {
  const names = { n01440764: ['a.JPEG', 'b.JPEG'], n02012849: ['c.JPEG'], n02119789: ['d.JPEG'] };
  const inner = await Promise.all(
    Object.entries(names).map(
      async ([wnid, all]) => [`${wnid}.tar`, await tar(all.map((name) => [`${wnid}_${name}`, bytesOf(name)]))] as const,
    ),
  );
  const val = [1, 2, 3, 4].map((number) => `ILSVRC2012_val_0000000${number}.JPEG`);
  return {
    'ILSVRC2012_img_train.tar': await tar(inner),
    'ILSVRC2012_img_val.tar': await tar(val.map((name) => [name, bytesOf(name)])),
    ...DEVKIT,
  };
}

function write(folder: string, files: Files): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

/** One of the files damaged. */
function damaged(rng: Rng, files: Files, how: (rng: Rng, bytes: Uint8Array) => Uint8Array = damage): Files {
  const name = pick(rng, Object.keys(files));
  return { ...files, [name]: how(rng, files[name] as Uint8Array) };
}

/** An archive, damaged before or after it was compressed. */
async function archived(rng: Rng, files: Files): Promise<Buffer> {
  const how = rng.integer(3);
  const inside = how === 0 ? damaged(rng, files) : files;
  const plain = await tar(Object.entries(inside).map(([name, bytes]) => [name, Buffer.from(bytes)]));
  const packed = gzipSync(how === 1 ? resigned(rng, plain) : plain);
  return Buffer.from(how === 2 ? damage(rng, packed) : packed);
}

const elsewhere = (folder: string) => ({ download: false, env: { XDG_CACHE_HOME: join(folder, 'nowhere') } });
const cifar = (folder: string) => cifar10With({ dataDir: folder, ...elsewhere(folder) }, COUNT);

/** All pictures of both halves, decoded where they are files. */
async function use(dataset: Dataset): Promise<void> {
  for (const half of [dataset.train, dataset.test]) {
    const loader = evaluationLoader({ ...dataset, test: half }, { batch: 4, workers: 0, unreadable: 'skip' });
    for await (const batch of loader.epoch(1)) dispose({ ...batch });
  }
}

/** Whole sets on disk, one file of them damaged. */
export const SETS: readonly Reader[] = [
  {
    name: 'CIFAR-10, binary',
    codes: /^MAN_CIFAR10_|^MAN_DATA_RANGE$/,
    megabytes: 100,
    async attempt(rng, folder) {
      write(folder, damaged(rng, cifarFiles('binary')));
      await use(await cifar(folder));
    },
  },
  {
    name: 'CIFAR-10, pickles',
    codes: /^MAN_CIFAR10_/,
    megabytes: 150,
    async attempt(rng, folder) {
      write(folder, damaged(rng, cifarFiles('python')));
      await use(await cifar(folder));
    },
  },
  {
    name: 'CIFAR-10, packed',
    codes: /^MAN_CIFAR10_|^MAN_DATA_(BROKEN|UNSAFE)_ARCHIVE$/,
    megabytes: 150,
    async attempt(rng, folder) {
      const version = pick(rng, ['binary', 'python'] as const);
      write(folder, { [`cifar-10-${version}.tar.gz`]: await archived(rng, cifarFiles(version)) });
      await use(await cifar(folder));
    },
  },
  {
    name: 'CIFAR-10, parquet',
    codes: /^MAN_CIFAR10_|^MAN_DATA_PARQUET$/,
    megabytes: 250,
    async attempt(rng, folder) {
      write(folder, damaged(rng, HUB));
      await use(await cifar(folder));
    },
  },
  {
    name: 'SVHN',
    codes: /^MAN_SVHN_|^MAN_DATA_MAT$/,
    megabytes: 150,
    async attempt(rng, folder) {
      write(folder, damaged(rng, SVHN));
      await use(await svhn({ dataDir: folder, ...elsewhere(folder) }));
    },
  },
  {
    name: 'STL-10',
    codes: /^MAN_STL10_/,
    megabytes: 150,
    async attempt(rng, folder) {
      write(folder, damaged(rng, STL10));
      const fold = rng.integer(2) === 0 ? undefined : rng.integer(10);
      const { unlabelled, ...dataset } = await stl10({ dataDir: folder, fold, unlabelled: true, ...elsewhere(folder) });
      await use(unlabelled === null ? dataset : { ...dataset, test: unlabelled });
    },
  },
  {
    name: 'STL-10, packed',
    codes: /^MAN_STL10_|^MAN_DATA_(BROKEN|UNSAFE)_ARCHIVE$/,
    megabytes: 150,
    async attempt(rng, folder) {
      write(folder, { 'stl10_binary.tar.gz': await archived(rng, STL10) });
      await use(await stl10({ dataDir: folder, ...elsewhere(folder) }));
    },
  },
  {
    name: 'ImageNet, archives',
    codes: /^MAN_IMAGENET_|^MAN_DATA_MAT$/,
    megabytes: 200,
    async attempt(rng, folder) {
      const files = await imagenetTars();
      write(folder, rng.integer(2) === 0 ? damaged(rng, files) : damaged(rng, files, resigned));
      const open = () => imagenet({ dataDir: folder, size: 32, layout: 'tar', ...elsewhere(folder) });
      await use(await open());
      // Again, by the index.
      await use(await open());
    },
  },
  {
    name: 'ImageNet, packed devkit',
    codes: /^MAN_IMAGENET_|^MAN_DATA_MAT$|^MAN_DATA_(BROKEN|UNSAFE)_ARCHIVE$/,
    megabytes: 200,
    async attempt(rng, folder) {
      const { 'ILSVRC2012_img_train.tar': train, 'ILSVRC2012_img_val.tar': val } = await imagenetTars();
      const devkit = await archived(rng, DEVKIT);
      write(folder, {
        'ILSVRC2012_img_train.tar': train as Uint8Array,
        'ILSVRC2012_img_val.tar': val as Uint8Array,
        'ILSVRC2012_devkit_t12.tar.gz': devkit,
      });
      await imagenet({ dataDir: folder, layout: 'tar', ...elsewhere(folder) });
    },
  },
  {
    name: 'ImageNet, parquet',
    codes: /^MAN_IMAGENET_|^MAN_DATA_PARQUET$/,
    megabytes: 250,
    async attempt(rng, folder) {
      write(folder, damaged(rng, IMAGENET_HUB));
      await use(await imagenet({ dataDir: folder, size: 24, ...elsewhere(folder) }));
    },
  },
];
