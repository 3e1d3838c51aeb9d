import { join } from 'node:path';
import { type ImageSplit, openParquet } from '@man/data';
import { fileMissing, wrongContents } from './errors.ts';

/** A half of the set as it stands in parquet files. */
export interface HubHalf {
  readonly labels: Int32Array;
  readonly locate: (index: number) => {
    readonly name: string;
    readonly parquet: { file: string; column: string[]; rowGroup: number; row: number };
  };
}

const CLASSES = 1000;
const MAX_PICTURES = 2_000_000;

/**
 * A half of a copy as model hubs publish it: in each row of `image` a file, in `label` the rank of its class.
 *
 * @throws `MAN_IMAGENET_FILE_MISSING`, `MAN_IMAGENET_CONTENTS`, `MAN_DATA_PARQUET`, `MAN_DATA_DISK`
 */
export async function inParquet(folder: string, names: readonly string[], half: string): Promise<HubHalf> {
  if (names.length === 0) throw fileMissing(folder, `${half}-*.parquet`, 'a half of the set is in such files');
  const labels: number[] = [];
  // Of each row group its file, its place in it, and the number of its first picture.
  const groups: { readonly file: string; readonly group: number; readonly first: number }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const file = await openParquet(path);
    try {
      for (const [group, rows] of file.rowGroups.entries()) {
        if (labels.length + rows > MAX_PICTURES) throw wrongContents(folder, `at most ${MAX_PICTURES} pictures`, 'more');
        groups.push({ file: path, group, first: labels.length });
        for (const value of await file.read(['label'], group)) labels.push(label(path, value));
      }
    } finally {
      await file.close();
    }
  }
  const locate = (index: number) => {
    const { file, group, first } = groups[groupOf(groups, index)] as (typeof groups)[number];
    const row = index - first;
    return { name: `${file}, row ${row} of row group ${group}`, parquet: { file, column: ['image', 'bytes'], rowGroup: group, row } };
  };
  return { labels: Int32Array.from(labels), locate };
}

function label(file: string, value: unknown): number {
  const number = Number(value);
  if (!(Number.isInteger(number) && number >= 0 && number < CLASSES))
    throw wrongContents(file, `labels of 0 to ${CLASSES - 1}`, String(value));
  return number;
}

/** The row group that a picture is in, by bisection. */
function groupOf(groups: readonly { readonly first: number }[], index: number): number {
  let [low, high] = [0, groups.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((groups[middle] as { first: number }).first <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A half as a split. */
export const hubSplit = (name: string, { labels, locate }: HubHalf, size: number, resize: number): ImageSplit => ({
  name,
  size: labels.length,
  imageShape: [size, size, 3],
  images: { locate, resize },
  labels,
});
