import { type ByteSource, fileSource } from '@man/data';
import { wrongContents } from './errors.ts';
import { isPicture, isWnid } from './found.ts';
import { indexPlaces, readIndex, writeIndex } from './index-file.ts';
import { ListBuilder, type PackedList } from './picture-list.ts';
import { tarEntries } from './tar-index.ts';

/** Where the building of an index stands. */
export interface IndexProgress {
  readonly file: string;
  readonly bytes: number;
  readonly total: number;
  readonly pictures: number;
}

/** What indexing can be told. */
export interface IndexOptions {
  /** The user's cache: where indexes go when the archive's folder cannot be written. */
  readonly cache: string;
  readonly onIndex?: ((progress: IndexProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The pictures of an archive: from its index, which is built when there is none that fits.
 *
 * @throws `MAN_IMAGENET_TAR`, `MAN_IMAGENET_CONTENTS`, `MAN_IMAGENET_INDEX`, `MAN_DATA_DISK`
 */
export async function indexed(archive: string, half: 'train' | 'val', options: IndexOptions): Promise<PackedList> {
  const places = indexPlaces(archive, options.cache);
  const there = await readIndex(archive, places);
  if (there !== null) return there;
  const source = await fileSource(archive);
  try {
    const list = await build(source, half, options);
    if (list.size === 0) throw wrongContents(archive, 'pictures', 'none');
    await writeIndex(archive, places, list);
    return list;
  } finally {
    await source.close();
  }
}

/** A list of more is not made: ImageNet has 1.3 million. */
const MAX_PICTURES = 3_000_000;

async function build(source: ByteSource, half: 'train' | 'val', { onIndex, signal }: IndexOptions): Promise<PackedList> {
  const list = new ListBuilder();
  let [pictures, told] = [0, 0];
  const add = (name: string, start: number, size: number) => {
    signal?.throwIfAborted();
    if (pictures >= MAX_PICTURES) throw wrongContents(source.name, `at most ${MAX_PICTURES} pictures`, 'more');
    list.add(name, start, size);
    pictures++;
    if (Date.now() - told < 100) return;
    told = Date.now();
    onIndex?.({ file: source.name, bytes: start, total: source.size, pictures });
  };
  for await (const entry of tarEntries(source)) {
    const wnid = /(?:^|\/)(n\d{8})\.tar$/.exec(entry.name)?.[1];
    if (half === 'val' && isPicture(entry.name)) add(baseName(entry.name), entry.start, entry.size);
    if (half === 'val' || wnid === undefined || !isWnid(wnid)) continue;
    for await (const inner of tarEntries(source, entry.start, entry.start + entry.size)) {
      if (isPicture(inner.name)) add(`${wnid}/${baseName(inner.name)}`, inner.start, inner.size);
    }
  }
  onIndex?.({ file: source.name, bytes: source.size, total: source.size, pictures });
  return list.build();
}

/** Line breaks separate the names in an index. */
const baseName = (name: string) => (name.split('/').at(-1) as string).replace(/[\r\n]/g, '?');
