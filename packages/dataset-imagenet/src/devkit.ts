import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, fileSource, type MatValue, memorySource, readMat, readTarGz } from '@man/data';
import { wrongContents } from './errors.ts';

export const DEVKIT = 'ILSVRC2012_devkit_t12';
const META = 'meta.mat';
const TRUTH = 'ILSVRC2012_validation_ground_truth.txt';

/** A class as the devkit describes it. */
export interface Synset {
  readonly wnid: string;
  /** What people call it: the first of its names. */
  readonly words: string;
}

/** What the development kit tells. */
export interface Devkit {
  /** By ILSVRC2012_ID, which is *not* the order of the wnids; leaves only. */
  readonly synsets: ReadonlyMap<number, Synset>;
  /** The ILSVRC2012_ID of validation picture 1, 2, …, at 0, 1, … */
  readonly truth: readonly number[];
}

/** Reads the devkit, packed or not; null where there is none. @throws `MAN_IMAGENET_CONTENTS`, `MAN_DATA_MAT`, `MAN_DATA_*` of archives */
export async function readDevkit(folder: string): Promise<Devkit | null> {
  const unpacked = [join(folder, DEVKIT, 'data'), join(folder, 'data'), folder].find((path) => existsSync(join(path, META)));
  if (unpacked !== undefined) {
    return devkitOf(await readSmall(join(unpacked, META)), await readSmall(join(unpacked, TRUTH)));
  }
  const archive = join(folder, `${DEVKIT}.tar.gz`);
  if (!existsSync(archive)) return null;
  const found = new Map<string, ByteSource>();
  const nameOf = (path: string) => path.split('/').at(-1) as string;
  await readTarGz(
    archive,
    async (entry) => void found.set(nameOf(entry.name), memorySource(await entry.bytes(), `${archive}/${entry.name}`)),
    { filter: (path) => [META, TRUTH].includes(nameOf(path)), maxBytes: 1e9 },
  );
  const [meta, truth] = [found.get(META), found.get(TRUTH)];
  if (meta === undefined || truth === undefined)
    throw wrongContents(archive, `${META} and ${TRUTH}`, [...found.keys()].join(', ') || 'neither');
  return devkitOf(meta, truth);
}

/** A small file in memory, so that it has not to be closed. @throws `MAN_IMAGENET_CONTENTS`, `MAN_DATA_DISK` */
export async function readSmall(file: string): Promise<ByteSource> {
  const source = await fileSource(file);
  try {
    if (source.size > 64e6) throw wrongContents(source.name, 'a few megabytes', `${source.size} bytes`);
    return memorySource(await source.read(0, source.size), source.name);
  } finally {
    await source.close();
  }
}

async function devkitOf(meta: ByteSource, truth: ByteSource): Promise<Devkit> {
  const synsets = await readSynsets(meta);
  const text = new TextDecoder('latin1').decode(await truth.read(0, truth.size));
  const lines = text.trim().split(/\s+/);
  if (lines.length > 1_000_000) throw wrongContents(truth.name, '50,000 lines', String(lines.length));
  const ids = lines.map((line, i) => {
    const id = /^\d{1,4}$/.test(line) ? Number(line) : Number.NaN;
    if (!synsets.has(id)) throw wrongContents(truth.name, `in line ${i + 1} the ILSVRC2012_ID of a class of ${META}`, line.slice(0, 20));
    return id;
  });
  return { synsets, truth: ids };
}

async function readSynsets(meta: ByteSource): Promise<ReadonlyMap<number, Synset>> {
  let value: MatValue | undefined;
  await readMat(meta, async (variable) => {
    if (variable.name === 'synsets') value = await variable.value();
  });
  if (value?.kind !== 'structs') throw wrongContents(meta.name, 'a struct array synsets', value?.kind ?? 'none');
  const synsets = new Map<number, Synset>();
  for (const row of value.structs) {
    const [id, children] = [numberOf(row.get('ILSVRC2012_ID')), numberOf(row.get('num_children'))];
    const [wnid, words] = [textOf(row.get('WNID')), textOf(row.get('words'))];
    if (children !== 0) continue;
    if (id === null || wnid === null || !/^n\d{8}$/.test(wnid) || synsets.has(id)) {
      throw wrongContents(meta.name, 'classes with an ILSVRC2012_ID and a WNID each', `${id} and ${wnid}`);
    }
    synsets.set(id, { wnid, words: firstName(words ?? wnid) });
  }
  if (synsets.size === 0) throw wrongContents(meta.name, 'classes without children', 'none');
  return synsets;
}

export const firstName = (words: string) => words.split(',')[0]?.trim() as string;
const numberOf = (value: MatValue | undefined) =>
  value?.kind === 'numbers' && value.values.length === 1 ? (value.values[0] as number) : null;
const textOf = (value: MatValue | undefined) => (value?.kind === 'text' ? value.text : null);
