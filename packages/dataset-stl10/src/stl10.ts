import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defineSchema, format, text, truth } from '@man/base';
import {
  allocateImages,
  type ByteSource,
  Checker,
  type Dataset,
  download,
  fileSource,
  findFolder,
  foldersOf,
  type ImageSplit,
  memorySource,
  readTarGz,
  type SourceOptions,
  unpackTarGz,
  type Verification,
  type VerifyOptions,
} from '@man/data';
import { fileMissing, notFound, wrongFold } from './errors.ts';
import { ARCHIVE, ARCHIVE_CHECKSUM, FILES, FOLDER, LABELS, STL10_CLASSES, URL } from './files.ts';
import { checkClasses, pictureReader, picturesIn, readFolds, readLabels, readPictures, SHAPE } from './records.ts';

/** What {@link stl10} can be told. */
export interface Stl10Options extends SourceOptions {
  /** Train on one of the ten folds of 1,000 pictures (0 … 9) instead of all 5,000: the protocol of the set's authors. */
  readonly fold?: number | undefined;
  /** Whether the 100,000 unlabelled pictures (2.8 GB) are given too, read when they are needed. Default false. */
  readonly unlabelled?: boolean | undefined;
  /** Where to download the archive from instead of its authors' page. Default: the variable `MAN_STL10_URL`, if it is set. */
  readonly mirror?: string | undefined;
}

const fold = format<number>('a whole number from 0 to 9', (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 9);

/** Options of {@link stl10} as keys of a configuration, without those that all data sets share. */
export const stl10Schema = defineSchema({
  fold: { doc: 'Train on one of ten folds of 1,000 pictures; null takes all 5,000.', default: null, format: fold, nullable: true },
  unlabelled: { doc: 'Whether the 100,000 unlabelled pictures are given too.', default: false, format: truth },
  mirror: { doc: "Where to download from instead of the authors' page.", default: null, format: text, nullable: true },
});

/** {@link Dataset} with what else STL-10 has. */
export interface Stl10Dataset extends Dataset {
  /** Ten lists of indices into all training pictures; they overlap. Null where the file with them is absent. */
  readonly folds: readonly Uint32Array[] | null;
  /** Pictures without labels (all are 0 here), other classes among them; null unless asked for. */
  readonly unlabelled: ImageSplit | null;
}

/**
 * STL-10: 5,000 + 8,000 pictures of 96×96 in ten classes, and 100,000 without labels, from the official binary files, packed or not.
 *
 * Labels are 0 … 9 (1 … 10 in the files). Normalisation and augmentation are those of the paper's training: mean and deviation 127.5 of 255;
 * 4 black pixels around, random crop, flip.
 *
 * @throws `MAN_STL10_*`; while downloading the `MAN_DATA_*` of `download` and `unpackTarGz`
 * @see Coates, Lee, Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011
 *
 * @example
 * ```ts
 * const dataset = await stl10({ fold: 0 });
 * const train = trainingLoader(dataset, { batch: 128, seed: 7 });
 * ```
 */
export async function stl10(options: Stl10Options = {}): Promise<Stl10Dataset> {
  const { fold } = options;
  if (fold !== undefined && !(Number.isInteger(fold) && fold >= 0 && fold <= 9)) throw wrongFold(fold);
  const place = await locate(options);
  const { train, test, folds } = await readSet(place);
  if (fold !== undefined && folds === null) throw fileMissing(place.path, FILES.folds.name);
  return {
    name: 'stl10',
    classes: STL10_CLASSES,
    imageShape: SHAPE,
    train: fold === undefined || folds === null ? train : pick(train, folds[fold] as Uint32Array, `stl10/train/fold ${fold}`),
    test,
    folds,
    unlabelled: options.unlabelled === true ? await openUnlabelled(place) : null,
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    augmentation: { pad: 4, padMode: 'zero', crop: 96, flip: true },
  };
}

/** The set on disk: a folder, or the archive. */
interface Place {
  readonly path: string;
  readonly packed: boolean;
}

async function locate(options: Stl10Options): Promise<Place> {
  const folders = foldersOf(options);
  const there = find(folders.search);
  if (there !== null) return there;
  const url = (options.mirror ?? (options.env ?? process.env).MAN_STL10_URL) || URL;
  if (options.download === false) throw notFound(folders.search, url);
  const { onProgress, signal, fetch } = options;
  const archive = await download({ url, file: join(folders.write, ARCHIVE), checksum: ARCHIVE_CHECKSUM, onProgress, signal, fetch });
  const path = await unpackTarGz(archive, join(folders.write, FOLDER), { strip: 1, maxBytes: 4e9 });
  await rm(archive, { force: true });
  return { path, packed: false };
}

function find(search: readonly string[]): Place | null {
  const folder = findFolder(
    search,
    FOLDER,
    NAMES.map((name) => FILES[name].name),
  );
  if (folder !== null) return { path: folder, packed: false };
  const archive = search.map((below) => join(below, ARCHIVE)).find((file) => existsSync(file));
  return archive === undefined ? null : { path: archive, packed: true };
}

/** What is read at once: everything but the unlabelled pictures. */
type Name = Exclude<keyof typeof FILES, 'unlabelled'>;
const NAMES = Object.keys(FILES).filter((name): name is Name => name !== 'unlabelled');
const OPTIONAL: readonly Name[] = ['classes', 'folds'];

async function readSet(place: Place) {
  const found: { [N in Name]?: unknown } = {};
  await eachFile(place, async (name, source) => {
    if (name === 'trainImages' || name === 'testImages') found[name] = await readPictures(source);
    else if (name === 'classes') await checkClasses(source);
    // Until it is known how many pictures there are.
    else found[name] = memorySource(await source.read(0, Math.min(source.size, 1e6)), source.name);
  });
  const half = async (name: 'train' | 'test'): Promise<ImageSplit> => {
    const images = found[`${name}Images`] as Uint8Array;
    const size = images.length / (SHAPE[0] * SHAPE[1] * SHAPE[2]);
    return { name: `stl10/${name}`, size, imageShape: SHAPE, images, labels: await readLabels(found[`${name}Labels`] as ByteSource, size) };
  };
  const [train, test] = [await half('train'), await half('test')];
  return { train, test, folds: found.folds === undefined ? null : await readFolds(found.folds as ByteSource, train.size) };
}

async function eachFile({ path, packed }: Place, visit: (name: Name, source: ByteSource) => Promise<void>): Promise<void> {
  if (packed) return eachPacked(path, visit);
  // All names first: a missing file should show before seconds are spent on the others.
  for (const name of NAMES) {
    if (!OPTIONAL.includes(name) && !existsSync(join(path, FILES[name].name))) throw fileMissing(path, FILES[name].name);
  }
  for (const name of NAMES) {
    const file = join(path, FILES[name].name);
    if (!existsSync(file)) continue;
    const source = await fileSource(file);
    try {
      await visit(name, source);
    } finally {
      await source.close();
    }
  }
}

async function eachPacked(archive: string, visit: (name: Name, source: ByteSource) => Promise<void>): Promise<void> {
  const nameOf = (path: string) => NAMES.find((name) => FILES[name].name === path.split('/').at(-1));
  const missing = new Set<Name>(NAMES.filter((name) => !OPTIONAL.includes(name)));
  await readTarGz(
    archive,
    async (entry) => {
      const name = nameOf(entry.name);
      if (name === undefined) return;
      missing.delete(name);
      await visit(name, memorySource(await entry.bytes(), `${archive}/${entry.name}`));
    },
    { filter: (path) => nameOf(path) !== undefined, maxBytes: 4e9 },
  );
  for (const name of missing) throw fileMissing(archive, FILES[name].name);
}

async function openUnlabelled({ path, packed }: Place): Promise<ImageSplit> {
  const file = join(path, FILES.unlabelled.name);
  if (packed || !existsSync(file)) throw fileMissing(path, FILES.unlabelled.name);
  const source = await fileSource(file);
  try {
    const size = picturesIn(source, 100_000);
    return { name: 'stl10/unlabelled', size, imageShape: SHAPE, images: pictureReader(file), labels: new Uint8Array(size) };
  } finally {
    await source.close();
  }
}

/** Some pictures of a half, as a half of their own. */
function pick({ images, labels }: ImageSplit, indices: Uint32Array, name: string): ImageSplit {
  const picture = SHAPE[0] * SHAPE[1] * SHAPE[2];
  const picked = allocateImages(indices.length, SHAPE);
  indices.forEach((index, i) => {
    picked.set((images as Uint8Array).subarray(index * picture, (index + 1) * picture), i * picture);
  });
  return {
    name,
    size: indices.length,
    imageShape: SHAPE,
    images: picked,
    labels: Uint8Array.from(indices, (index) => labels[index] as number),
  };
}

/**
 * Compares what is there with what was published: sizes, checksums, numbers of pictures and classes, first labels, folds. Of an archive
 * the checksum. The unlabelled pictures are checked where they are.
 *
 * @throws `MAN_STL10_NOT_FOUND` where there is nothing
 */
export async function verifyStl10(options: VerifyOptions = {}): Promise<Verification> {
  const { search } = foldersOf(options);
  const place = find(search);
  if (place === null) throw notFound(search, URL);
  const { path, packed } = place;
  const checker = new Checker(options);
  const { unlabelled, ...others } = FILES;
  if (packed) await checker.files(join(path, '..'), [{ name: ARCHIVE, bytes: 2_640_397_119, checksum: ARCHIVE_CHECKSUM }]);
  else await checker.files(path, [...Object.values(others), ...(existsSync(join(path, unlabelled.name)) ? [unlabelled] : [])]);
  const set = await checker.reading(packed ? ARCHIVE : FOLDER, () => readSet(place));
  if (set !== null) {
    checker.labels(set.train, LABELS.train);
    checker.labels(set.test, LABELS.test);
    const sizes = set.folds?.map(({ length }) => length).join(' ') ?? 'none';
    checker.add(`${FILES.folds.name}, pictures per fold`, new Array(10).fill(1000).join(' '), sizes);
  }
  return { dataset: 'stl10', path, checks: checker.checks };
}
