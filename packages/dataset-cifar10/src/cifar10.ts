import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  allocateImages,
  type ByteSource,
  type Dataset,
  type DownloadProgress,
  dataFolder,
  download,
  fileSource,
  type ImageShape,
  memorySource,
  readTarGz,
  unpackTarGz,
  verifyFile,
} from '@man/data';
import { fileMissing, notFound, unbalanced, unknownLayout } from './errors.ts';
import { CIFAR10_CLASSES, LAYOUTS, type Layout } from './layouts.ts';
import { type Location, locate } from './locate.ts';
import { checkClasses, readBatch } from './records.ts';

/** What {@link cifar10} can be told. */
export interface Cifar10Options {
  /** Folder looked in first, and downloaded to. Then come `MAN_DATA_DIR` and the user's cache. */
  readonly dataDir?: string | undefined;
  /** Whether the set (170 MB) may be downloaded when it is nowhere. Default true. */
  readonly download?: boolean;
  /** Called while it downloads. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** The version to read: `'auto'` (default) takes the one that is there, the binary one first. */
  readonly layout?: 'auto' | 'binary' | 'python';
  /** Whether published checksums (of archives and python files) and the number of pictures per class are checked. Default false. */
  readonly verify?: boolean;
  /** Where to download the archive from instead of its author's page. Default: the variable `MAN_CIFAR10_URL`, if it is set. */
  readonly mirror?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For proxies or credentials; see `download` in `@man/data`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: the environment of the process. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
}

const SHAPE: ImageShape = [32, 32, 3];

/**
 * CIFAR-10: 50,000 + 10,000 pictures of 32×32 in ten classes, from the official binary or python files, packed or not.
 *
 * The pictures take 184 MB, in the files' order. Normalisation and augmentation are those of the paper's training: mean 125.3, 123.0, 113.9
 * and deviation 63.0, 62.1, 66.7 of 255; 4 reflected pixels, random crop, flip.
 *
 * @throws `MAN_CIFAR10_*`; while downloading the `MAN_DATA_*` of `download` and `unpackTarGz`
 * @see Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
 *
 * @example
 * ```ts
 * const dataset = await cifar10({ onProgress: ({ bytes, total }) => report(bytes / (total ?? bytes)) });
 * const train = trainingLoader(dataset, { batch: 1024, seed: 7 });
 * ```
 */
export function cifar10(options: Cifar10Options = {}): Promise<Dataset> {
  return cifar10With(options, 10_000);
}

/** {@link cifar10} of files with another number of records, for tests. */
export async function cifar10With(options: Cifar10Options, records: number): Promise<Dataset> {
  const layouts = layoutsOf(options.layout ?? 'auto');
  const folders = dataFolder({ dataDir: options.dataDir, ...(options.env === undefined ? {} : { env: options.env }) });
  const found = locate(folders.search, layouts) ?? (await fetchSet(layouts[0] as Layout, folders, options));
  return read(found, records, options.verify ?? false);
}

function layoutsOf(wanted: string): readonly Layout[] {
  const layouts = LAYOUTS.filter(({ name }) => wanted === 'auto' || name === wanted);
  if (layouts.length === 0) throw unknownLayout(wanted);
  return layouts;
}

async function fetchSet(layout: Layout, folders: ReturnType<typeof dataFolder>, options: Cifar10Options): Promise<Location> {
  const mirror = options.mirror ?? (options.env ?? process.env).MAN_CIFAR10_URL;
  const url = mirror === undefined || mirror === '' ? layout.url : mirror;
  if (options.download === false) throw notFound(folders.search, layout.archive, url);
  const { checksum } = layout;
  const { onProgress, signal, fetch } = options;
  const archive = await download({ url, file: join(folders.write, layout.archive), checksum, onProgress, signal, fetch });
  const path = await unpackTarGz(archive, join(folders.write, layout.folder), { strip: 1, maxBytes: 1e9 });
  await rm(archive, { force: true });
  return { layout, path, packed: false };
}

async function read(location: Location, records: number, verify: boolean): Promise<Dataset> {
  const { layout } = location;
  const trainFiles = layout.files.length - 1;
  const half = (size: number) => ({ size, images: allocateImages(size, SHAPE), labels: new Uint8Array(size) });
  const [train, test] = [half(trainFiles * records), half(records)];
  const size = records * 32 * 32 * 3;
  await eachFile(location, verify, async (index, source) => {
    if (index === null) return checkClasses(layout.name, source);
    const [to, at] = index < trainFiles ? [train, index] : [test, 0];
    const images = to.images.subarray(at * size, (at + 1) * size);
    await readBatch(layout.name, source, { images, labels: to.labels.subarray(at * records, (at + 1) * records) });
  });
  if (verify) {
    checkCounts('train', train.labels);
    checkCounts('test', test.labels);
  }
  return {
    name: 'cifar10',
    classes: CIFAR10_CLASSES,
    imageShape: SHAPE,
    train: { name: 'cifar10/train', imageShape: SHAPE, ...train },
    test: { name: 'cifar10/test', imageShape: SHAPE, ...test },
    normalization: { mean: [125.3 / 255, 123.0 / 255, 113.9 / 255], std: [63.0 / 255, 62.1 / 255, 66.7 / 255] },
    augmentation: { pad: 4, padMode: 'reflect', crop: 32, flip: true },
  };
}

/** Visits every file of the set; index null is the one with the class names, which may be absent. */
type Visit = (index: number | null, source: ByteSource) => Promise<void>;

const eachFile = ({ layout, path, packed }: Location, verify: boolean, visit: Visit) =>
  packed ? eachPacked(layout, path, verify, visit) : eachUnpacked(layout, path, verify, visit);

async function eachUnpacked(layout: Layout, folder: string, verify: boolean, visit: Visit): Promise<void> {
  // All names first: a missing file should show before seconds are spent on the others.
  for (const { name } of layout.files) if (!existsSync(join(folder, name))) throw fileMissing(folder, name);
  const visitFile = async (index: number | null, name: string) => {
    const source = await fileSource(join(folder, name));
    try {
      await visit(index, source);
    } finally {
      await source.close();
    }
  };
  if (existsSync(join(folder, layout.meta))) await visitFile(null, layout.meta);
  for (const [index, { name, md5 }] of layout.files.entries()) {
    if (verify && md5 !== null) await verifyFile(join(folder, name), { algorithm: 'md5', hex: md5 });
    await visitFile(index, name);
  }
}

async function eachPacked(layout: Layout, archive: string, verify: boolean, visit: Visit): Promise<void> {
  if (verify) await verifyFile(archive, layout.checksum);
  const missing = new Set(layout.files.map(({ name }) => name));
  const baseName = (name: string) => name.split('/').at(-1) ?? '';
  const wanted = (name: string) => missing.has(baseName(name)) || baseName(name) === layout.meta;
  await readTarGz(
    archive,
    async (entry) => {
      const name = baseName(entry.name);
      const index = layout.files.findIndex((file) => file.name === name);
      missing.delete(name);
      await visit(index < 0 ? null : index, memorySource(await entry.bytes(), `${archive}/${entry.name}`));
    },
    { filter: wanted, maxBytes: 1e9 },
  );
  for (const name of missing) throw fileMissing(archive, name);
}

function checkCounts(half: string, labels: Uint8Array): void {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  counts.forEach((count, label) => {
    if (count !== labels.length / 10) throw unbalanced(half, label, labels.length / 10, count);
  });
}
