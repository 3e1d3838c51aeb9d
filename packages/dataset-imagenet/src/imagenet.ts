import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineSchema, oneOf, positiveInt } from '@man/base';
import { type Dataset, foldersOf, type ImageSplit, namesIn, type SourceOptions } from '@man/data';
import { type IndexOptions, type IndexProgress, indexed } from './archives.ts';
import { type Devkit, firstName, readDevkit, readSmall } from './devkit.ts';
import { badOption, fileMissing, wrongContents } from './errors.ts';
import { type Found, inFlatFolder, inFolders, inTrainingTar, inValidationTar, isWnid, natural, sorted } from './found.ts';
import { hubSplit, inParquet } from './hub.ts';
import { locate, type Place, parquetFiles, TRAIN_TAR, VAL_TAR } from './locate.ts';

/** What {@link imagenet} can be told. The set is never downloaded. */
export interface ImagenetOptions extends Pick<SourceOptions, 'dataDir' | 'env' | 'signal'> {
  /** `'folders'` of classes, the official `'tar'` files, `'parquet'` files, or `'auto'` (default), whichever is there, in this order. */
  readonly layout?: 'auto' | 'folders' | 'tar' | 'parquet' | undefined;
  /** Height and width of the pictures that come out. Default 224. */
  readonly size?: number | undefined;
  /** What the shorter side is resized to for evaluation before the centre is cut out. Default 256, for other sizes in proportion. */
  readonly resize?: number | undefined;
  /** Called while the index of an archive is built, once for each archive. */
  readonly onIndex?: ((progress: IndexProgress) => void) | undefined;
}

/** Options of {@link imagenet} as keys of a configuration, without those that all data sets share. */
export const imagenetSchema = defineSchema({
  layout: { doc: 'Form of the files.', default: 'auto', format: oneOf('auto', 'folders', 'tar', 'parquet') },
  size: { doc: 'Height and width of the pictures that the network sees.', default: 224, format: positiveInt },
  resize: {
    doc: 'Shorter side before the centre is cut out for the test; null is 256/224 of size.',
    default: null,
    format: positiveInt,
    nullable: true,
  },
});

/** {@link Dataset} with the identifiers of its classes. */
export interface ImagenetDataset extends Dataset {
  /** WordNet identifiers by label; empty for parquet files, which do not hold them. */
  readonly wnids: readonly string[];
}

/**
 * ImageNet (ILSVRC2012): 1,281,167 pictures to train on and 50,000 to validate, in 1,000 classes; or any other set in the same form.
 *
 * Pictures stay in their files, in class folders, in the official archives (of which an index is built once), or in parquet files, and are
 * decoded by the loader. A label is the rank of the class's wnid among all, as nearly all published models have it. Augmentation and
 * normalisation are those of the paper's training: random resized crop and flip; 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225.
 *
 * @throws `MAN_IMAGENET_*`, `MAN_DATA_MAT`, `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
 * @see Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015
 *
 * @example
 * ```ts
 * const dataset = await imagenet({ dataDir: '/data' });
 * const train = trainingLoader(dataset, { batch: 128, seed: 7, unreadable: 'skip' });
 * ```
 */
export async function imagenet(options: ImagenetOptions = {}): Promise<ImagenetDataset> {
  const { size = 224 } = options;
  const { resize = Math.round((size * 256) / 224) } = options;
  if (!(Number.isInteger(size) && size >= 1)) throw badOption('size', 'a whole number of at least 1', size);
  if (!(Number.isInteger(resize) && resize >= size)) throw badOption('resize', `a whole number of at least ${size}, the size`, resize);
  const place = locate(options);
  const { train, test, classes, wnids } = await open(place, options, size, resize);
  return {
    name: 'imagenet',
    classes,
    wnids,
    imageShape: [size, size, 3],
    train,
    test,
    normalization: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    augmentation: { randomResizedCrop: {}, flip: true },
  };
}

interface Opened {
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  readonly classes: readonly string[];
  readonly wnids: readonly string[];
}

async function open({ layout, path }: Place, options: ImagenetOptions, size: number, resize: number): Promise<Opened> {
  if (layout === 'parquet') {
    const { folder, train, val } = parquetFiles(path) as NonNullable<ReturnType<typeof parquetFiles>>;
    const halves = [await inParquet(folder, train, 'train'), await inParquet(folder, val, 'validation')] as const;
    const count = Math.max(1000, ...halves.map(({ labels }) => labels.reduce((most, label) => Math.max(most, label + 1), 0)));
    const classes = Array.from({ length: count }, (_, label) => `class ${label}`);
    return {
      train: hubSplit('imagenet/train', halves[0], size, resize),
      test: hubSplit('imagenet/val', halves[1], size, resize),
      classes,
      wnids: [],
    };
  }
  const devkit = await readDevkit(path);
  const train =
    layout === 'folders'
      ? inFolders(join(path, 'train'))
      : inTrainingTar(join(path, TRAIN_TAR), await indexOf(join(path, TRAIN_TAR), 'train', options));
  const wnids = [...train.wnids].sort();
  const val = inOrder(await openValidation(path, devkit, options));
  const split = (name: string, found: Found): ImageSplit => ({
    name,
    size: found.classes.length,
    imageShape: [size, size, 3],
    images: { locate: found.locate, resize },
    labels: ranks(found, wnids, path),
  });
  return { train: split('imagenet/train', train), test: split('imagenet/val', val), classes: await named(wnids, devkit, path), wnids };
}

async function openValidation(path: string, devkit: Devkit | null, options: ImagenetOptions): Promise<Found> {
  const folder = join(path, 'val');
  if (existsSync(folder)) return namesIn(folder).some(isWnid) ? inFolders(folder) : inFlatFolder(folder, devkit, path);
  const tar = join(path, VAL_TAR);
  if (!existsSync(tar)) throw fileMissing(path, VAL_TAR, 'neither it nor a folder val is there');
  return inValidationTar(tar, await indexOf(tar, 'val', options), devkit, path);
}

function indexOf(tar: string, half: 'train' | 'val', options: ImagenetOptions) {
  const cache = foldersOf(options).search.at(-1) as string;
  const indexing: IndexOptions = { cache, onIndex: options.onIndex, signal: options.signal };
  return indexed(tar, half, indexing);
}

/** Validation pictures in the order of their numbers, whatever folders they are in: the same order in every layout. */
function inOrder(found: Found): Found {
  const names = Array.from({ length: found.classes.length }, (_, index) => found.locate(index).name.split('/').at(-1) as string);
  return sorted(
    found,
    Uint32Array.from(names.keys()).sort((a, b) => natural(names[a] as string, names[b] as string)),
  );
}

/** Labels: the rank of each picture's class among all. */
function ranks({ wnids, classes, locate }: Found, all: readonly string[], path: string): Int32Array {
  // Places of classes are kept in 16 bits.
  if (Math.max(all.length, wnids.length) > 65_535)
    throw wrongContents(path, 'at most 65535 classes', String(Math.max(all.length, wnids.length)));
  const rank = new Map(all.map((wnid, i) => [wnid, i]));
  const labels = wnids.map((wnid) => rank.get(wnid));
  return Int32Array.from(classes, (place, index) => {
    const label = labels[place];
    if (label === undefined)
      throw wrongContents(path, 'validation pictures of classes that are trained on', `${locate(index).name} of class ${wnids[place]}`);
    return label;
  });
}

/** `n01440764 tench`, where it is known what a class is called; names alone are not unique. */
async function named(wnids: readonly string[], devkit: Devkit | null, path: string): Promise<string[]> {
  const words = new Map([...(devkit?.synsets.values() ?? [])].map((synset) => [synset.wnid, synset.words]));
  const list = [join(path, 'synset_words.txt'), join(path, 'LOC_synset_mapping.txt')].find((file) => existsSync(file));
  if (devkit === null && list !== undefined) {
    const source = await readSmall(list);
    for (const line of new TextDecoder().decode(await source.read(0, source.size)).split('\n'))
      if (isWnid(line.slice(0, 9))) words.set(line.slice(0, 9), firstName(line.slice(10)));
  }
  return wnids.map((wnid) => (words.has(wnid) ? `${wnid} ${words.get(wnid)}` : wnid));
}
