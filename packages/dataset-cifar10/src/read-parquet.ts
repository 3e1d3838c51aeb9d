import { allocateImages, createDecoder, type Decoder, type ImageShape, openParquet, type ParquetFile } from '@man/data';
import { fileMissing, wrongContents, wrongLabel } from './errors.ts';
import type { LabelKind } from './sets.ts';

const SHAPE: ImageShape = [32, 32, 3];
const PICTURE = 32 * 32 * 3;
/** More pictures than a half has are refused before memory is made for them. */
const MAX_PICTURES = 60_000;
/** Pictures that are decoded at once. */
const AT_ONCE = 64;

/** A half of the set, decoded. */
export interface Half {
  readonly size: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * Reads a half out of parquet files: a column with a PNG or JPEG file in each row, and a column of labels.
 *
 * @throws `MAN_CIFAR10_FILE_MISSING`, `MAN_CIFAR10_CONTENTS`, `MAN_CIFAR10_LABEL`, `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
 */
export async function readParquet(folder: string, half: string, files: readonly string[], kind: LabelKind): Promise<Half> {
  if (files.length === 0) throw fileMissing(folder, `${half}-*.parquet`);
  const opened: ParquetFile[] = [];
  try {
    for (const file of files) opened.push(await openParquet(file));
    const size = opened.flatMap(({ rowGroups }) => rowGroups).reduce((sum, rows) => sum + rows, 0);
    if (size < 1 || size > MAX_PICTURES) throw wrongContents(folder, `1 to ${MAX_PICTURES} pictures to ${half}`, String(size));
    const out = { size, images: allocateImages(size, SHAPE), labels: new Uint8Array(size) };
    let at = 0;
    for (const file of opened) {
      for (const [group, rows] of file.rowGroups.entries()) {
        await readGroup(file, group, kind, out, at);
        at += rows;
      }
    }
    return out;
  } finally {
    await Promise.all(opened.map((file) => file.close()));
  }
}

async function readGroup(file: ParquetFile, group: number, kind: LabelKind, { images, labels }: Half, first: number): Promise<void> {
  const column = ['img', 'image'].find((name) => file.columns.includes(name));
  if (column === undefined) throw wrongContents(file.name, 'a column img or image', file.columns.join(', '));
  const found = await file.read([kind.column], group);
  for (const [i, value] of found.entries()) {
    const label = Number(value);
    if (!(Number.isInteger(label) && label >= 0 && label < kind.classes.length))
      throw wrongLabel(file.name, first + i, label, kind.classes.length);
    labels[first + i] = label;
  }
  const pictures = await file.read([column, 'bytes'], group);
  const decoder = createDecoder();
  for (let from = 0; from < pictures.length; from += AT_ONCE) {
    await Promise.all(
      pictures.slice(from, from + AT_ONCE).map(async (value, i) => {
        if (!(value instanceof Uint8Array)) throw wrongContents(file.name, `a picture in row ${from + i} of row group ${group}`, 'none');
        const at = (first + from + i) * PICTURE;
        await decode(decoder, value, images.subarray(at, at + PICTURE)).catch((error: Error) => {
          throw wrongContents(file.name, `a picture of 32×32 in row ${from + i} of row group ${group}`, error.message);
        });
      }),
    );
  }
}

async function decode(decoder: Decoder, bytes: Uint8Array, out: Uint8Array): Promise<void> {
  const decoded = decoder.decode(bytes);
  // Of a decoder that answers at once the memory is used again: nothing may come in between.
  const { data, width, height, channels } = decoded instanceof Promise ? await decoded : decoded;
  if (width !== 32 || height !== 32) throw new RangeError(`one of ${width}×${height}`);
  if (channels === 3) out.set(data);
  else for (const [i, value] of data.entries()) out.fill(value, 3 * i, 3 * i + 3);
}
