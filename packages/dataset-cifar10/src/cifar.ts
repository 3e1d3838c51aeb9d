import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defineSchema, oneOf, text, truth } from '@man/base';
import {
  allocateImages,
  type ByteSource,
  Checker,
  type Dataset,
  download,
  fileSource,
  foldersOf,
  type ImageShape,
  memorySource,
  type PublishedFile,
  readTarGz,
  type SourceOptions,
  unpackTarGz,
  type Verification,
  type VerifyOptions,
  verifyFile,
} from '@man/data';
import { fileMissing, notFound, unbalanced, unknownLayout } from './errors.ts';
import { type Location, locate, type Wanted } from './locate.ts';
import { type Half, readParquet } from './read-parquet.ts';
import { checkClasses, readBatch } from './records.ts';
import type { BatchFile, CifarSet, LabelKind, Layout } from './sets.ts';

/** What both sets can be told. */
export interface CifarOptions extends SourceOptions {
  /**
   * The version to read: `'binary'` and `'python'` are its author's, `'parquet'` is that of model hubs, `'auto'` (default) takes the one that
   * is there, the binary one first.
   */
  readonly layout?: 'auto' | 'binary' | 'python' | 'parquet' | undefined;
  /** Whether the md5 of archives and python files and the number of pictures per class are checked. Default false. */
  readonly verify?: boolean | undefined;
  /** Where to download the archive from instead of its author's page. */
  readonly mirror?: string | undefined;
}

/** Options of both sets as keys of a configuration, without those that all data sets share. */
export const cifarSchema = defineSchema({
  layout: { doc: 'Version of the files.', default: 'auto', format: oneOf('auto', 'binary', 'python', 'parquet') },
  verify: { doc: 'Whether files are compared with published checksums.', default: false, format: truth },
  mirror: { doc: "Where to download from instead of the author's page.", default: null, format: text, nullable: true },
});

const SHAPE: ImageShape = [32, 32, 3];

/** Opens a set. `records`: another number of records in each file, for tests. */
export async function openCifar(set: CifarSet, kind: LabelKind, options: CifarOptions, records?: number): Promise<Dataset> {
  const wanted = wantedOf(set, options.layout ?? 'auto');
  const folders = foldersOf(options);
  const found = locate(folders.search, set, wanted) ?? (await fetchSet(set, wanted, folders, options));
  const { train, test } = await read(set, found, kind, options.verify ?? false, records);
  const half = (name: 'train' | 'test', { size, images, labels }: Half) => ({
    name: `${set.name}/${name}`,
    imageShape: SHAPE,
    size,
    images,
    labels,
  });
  return {
    name: set.name,
    classes: kind.classes,
    imageShape: SHAPE,
    train: half('train', train),
    test: half('test', test),
    normalization: set.normalization,
    augmentation: { pad: 4, padMode: 'reflect', crop: 32, flip: true },
  };
}

function wantedOf({ layouts }: CifarSet, wanted: string): Wanted {
  const chosen = layouts.filter(({ name }) => wanted === 'auto' || name === wanted);
  if (chosen.length === 0 && wanted !== 'parquet') throw unknownLayout(wanted);
  return { layouts: chosen, parquet: wanted === 'auto' || wanted === 'parquet' };
}

async function fetchSet(
  set: CifarSet,
  { layouts }: Wanted,
  folders: ReturnType<typeof foldersOf>,
  options: CifarOptions,
): Promise<Location> {
  const layout = layouts[0] ?? (set.layouts[0] as Layout);
  const url = (options.mirror ?? set.mirrorOf(options.env ?? process.env)) || layout.url;
  if (options.download === false || layouts.length === 0) throw notFound(set.title, folders.search, layout.archive, url);
  const { checksum } = layout;
  const { onProgress, signal, fetch } = options;
  const archive = await download({ url, file: join(folders.write, layout.archive), checksum, onProgress, signal, fetch });
  const path = await unpackTarGz(archive, join(folders.write, layout.folder), { strip: 1, maxBytes: 1e9 });
  await rm(archive, { force: true });
  return { kind: 'folder', layout, path };
}

async function read(
  set: CifarSet,
  location: Location,
  kind: LabelKind,
  verify: boolean,
  records?: number,
): Promise<{ train: Half; test: Half }> {
  if (location.kind === 'parquet') {
    const { path } = location;
    return { train: await readParquet(path, 'train', location.train, kind), test: await readParquet(path, 'test', location.test, kind) };
  }
  const { layout } = location;
  const recordsOf = (file: BatchFile) => records ?? file.records;
  const halves = { train: empty(layout, 'train', recordsOf), test: empty(layout, 'test', recordsOf) };
  const filled = { train: 0, test: 0 };
  const places = layout.files.map((file) => {
    const first = filled[file.half];
    filled[file.half] += recordsOf(file);
    return { half: halves[file.half], first, last: filled[file.half] };
  });
  await eachFile(location, kind, verify, async (index, source) => {
    if (index === null) return checkClasses(layout.name, kind, source);
    const { half, first, last } = places[index] as (typeof places)[number];
    const size = 32 * 32 * 3;
    const target = { images: half.images.subarray(first * size, last * size), labels: half.labels.subarray(first, last) };
    await readBatch(layout.name, kind, source, target);
  });
  if (verify) for (const name of ['train', 'test'] as const) checkCounts(`${set.title} ${name}`, halves[name].labels, kind.classes.length);
  return halves;
}

function empty({ files }: Layout, half: 'train' | 'test', recordsOf: (file: BatchFile) => number): Half {
  const size = files.filter((file) => file.half === half).reduce((sum, file) => sum + recordsOf(file), 0);
  return { size, images: allocateImages(size, SHAPE), labels: new Uint8Array(size) };
}

/** Visits every file of the set; index null is the one with the class names, which may be absent. */
type Visit = (index: number | null, source: ByteSource) => Promise<void>;

const eachFile = (location: Exclude<Location, { kind: 'parquet' }>, kind: LabelKind, verify: boolean, visit: Visit) =>
  location.kind === 'archive'
    ? eachPacked(location.layout, location.path, kind, verify, visit)
    : eachUnpacked(location.layout, location.path, kind, verify, visit);

/** Of several files with names the one for these labels. */
const namesFile = ({ names }: Layout, kind: LabelKind) => names.find((name) => name === kind.namesFile) ?? (names[0] as string);

async function eachUnpacked(layout: Layout, folder: string, kind: LabelKind, verify: boolean, visit: Visit): Promise<void> {
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
  const names = namesFile(layout, kind);
  if (existsSync(join(folder, names))) await visitFile(null, names);
  for (const [index, { name, checksum }] of layout.files.entries()) {
    if (verify && layout.name === 'python') await verifyFile(join(folder, name), checksum);
    await visitFile(index, name);
  }
}

async function eachPacked(layout: Layout, archive: string, kind: LabelKind, verify: boolean, visit: Visit): Promise<void> {
  if (verify) await verifyFile(archive, layout.checksum);
  const missing = new Set(layout.files.map(({ name }) => name));
  const baseName = (name: string) => name.split('/').at(-1) ?? '';
  const names = namesFile(layout, kind);
  const wanted = (name: string) => missing.has(baseName(name)) || baseName(name) === names;
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

function checkCounts(half: string, labels: Uint8Array, classes: number): void {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  counts.forEach((count, label) => {
    if (count !== labels.length / classes) throw unbalanced(half, label, labels.length / classes, count);
  });
}

/** Compares a set with what was published. @throws `MAN_CIFAR10_NOT_FOUND` */
export async function verifyCifar(
  set: CifarSet,
  kind: LabelKind,
  options: VerifyOptions & Pick<CifarOptions, 'layout'>,
): Promise<Verification> {
  const { search } = foldersOf(options);
  const location = locate(search, set, wantedOf(set, options.layout ?? 'auto'));
  if (location === null) throw notFound(set.title, search, (set.layouts[0] as Layout).archive, (set.layouts[0] as Layout).url);
  const checker = new Checker(options);
  await checker.files(...filesOf(location));
  const halves = await checker.reading(set.title, () => read(set, location, kind, false));
  if (halves !== null) {
    for (const name of ['train', 'test'] as const) {
      checker.labels({ name: `${set.name}/${name}`, labels: halves[name].labels }, kind.published[name]);
    }
  }
  return { dataset: set.name, path: location.path, checks: checker.checks };
}

/** Which files are compared with their checksums; of parquet copies none are published. */
function filesOf(location: Location): [string, readonly PublishedFile[]] {
  if (location.kind === 'parquet') return [location.path, []];
  const { layout, path } = location;
  if (location.kind === 'folder') return [path, layout.files];
  return [dirname(path), [{ name: layout.archive, bytes: layout.archiveBytes, checksum: layout.checksum }]];
}
