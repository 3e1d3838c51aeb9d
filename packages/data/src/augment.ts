import type { Rng } from '@man/base';
import type { Augmentation, ImageShape, Normalization } from './dataset.ts';

/** An {@link Augmentation} with every default filled in; `null` fields never occur. */
export interface Recipe {
  readonly pad: number;
  readonly padMode: 'reflect' | 'zero';
  readonly crop: readonly [height: number, width: number];
  readonly flip: boolean;
}

/** Fills in the defaults of an augmentation for pictures of a shape. */
export function recipeOf(augmentation: Augmentation, [height, width]: ImageShape): Recipe {
  const { pad = 0, padMode = 'reflect', crop, flip = false } = augmentation;
  return { pad, padMode, crop: crop === undefined ? [height, width] : [crop, crop], flip };
}

/** Shape of a picture after the recipe. */
export function outputShape(shape: ImageShape, recipe: Recipe | null): ImageShape {
  return recipe === null ? shape : [recipe.crop[0], recipe.crop[1], shape[2]];
}

/**
 * Where each picture of a batch is cut and whether it is mirrored: `[top, left, flip]` per picture, in the padded picture's pixels.
 *
 * Order of draws, three words per picture in the order of the batch, whatever the recipe uses of them:
 * `integer(height + 2·pad - crop + 1)`, the same for the width, `integer(2)` (1 mirrors).
 */
export function drawPlacements(rng: Rng, count: number, [height, width]: ImageShape, recipe: Recipe): Int32Array {
  const placements = new Int32Array(3 * count);
  for (let i = 0; i < placements.length; i += 3) {
    placements[i] = rng.integer(height + 2 * recipe.pad - recipe.crop[0] + 1);
    placements[i + 1] = rng.integer(width + 2 * recipe.pad - recipe.crop[1] + 1);
    const flip = rng.integer(2);
    placements[i + 2] = recipe.flip ? flip : 0;
  }
  return placements;
}

/** What is done to each picture of a batch, as it is sent to a worker thread: only plain data. */
export interface Finish {
  /** Of the pictures that come in. */
  readonly shape: ImageShape;
  /** Null for evaluation. */
  readonly recipe: Recipe | null;
  /** What {@link drawPlacements} drew; null for evaluation. */
  readonly placements: Int32Array | null;
  readonly normalization: Normalization | null;
}

/** Where the pictures of a batch go, side by side. */
export interface Target {
  /** `[n, ...outputShape]` float32 in [0, 1]; null where nobody wants them. */
  readonly pixels: Float32Array | null;
  /** The same, normalised; null where that changes nothing. */
  readonly images: Float32Array | null;
}

/** Pads, cuts, mirrors, scales to [0, 1] and normalises: the picture at `offset` of `source` becomes number `to` of `out`. */
export type Finisher = (source: Uint8Array, offset: number, to: number, out: Target) => void;

/**
 * Prepares {@link Finisher}s for one batch: `placements[i]` belongs to the i-th picture, which need not become number i.
 *
 * @returns a function that gives the finisher of picture i
 */
export function finisher({ shape, recipe, placements, normalization }: Finish): (i: number) => Finisher {
  const [height, width, channels] = shape;
  const tables = tablesOf(channels, normalization);
  const [outHeight, outWidth] = outputShape(shape, recipe);
  const columns = new Int32Array(outWidth);
  return (i) => (source, offset, to, out) => {
    const [top, left, flip] = placements === null ? [0, 0, 0] : placements.subarray(3 * i, 3 * i + 3);
    const { pad, padMode } = recipe ?? { pad: 0, padMode: 'zero' };
    for (let x = 0; x < outWidth; x++) {
      const column = locate((left as number) + (flip === 1 ? outWidth - 1 - x : x) - pad, width, padMode);
      columns[x] = column < 0 ? -1 : column * channels;
    }
    const [first, last] = run(columns, flip === 1 ? -channels : channels);
    for (let y = 0; y < outHeight; y++) {
      const row = locate((top as number) + y - pad, height, padMode);
      const target = (to * outHeight + y) * outWidth * channels;
      if (row < 0) writeBlack(outWidth, channels, tables, out, target);
      else writeRow({ source, row: offset + row * width * channels, columns, first, last, channels }, tables, out, target);
    }
  };
}

/** Where the longest run of columns lies, each `step` behind the one before: all but what padding shows at the sides. */
function run(columns: Int32Array, step: number): readonly [first: number, last: number] {
  let [first, last] = [0, 0];
  for (let from = 0, x = 1; x <= columns.length; x++) {
    if (x < columns.length && columns[x] === (columns[x - 1] as number) + step && (columns[x - 1] as number) >= 0) continue;
    if (x - from > last - first) [first, last] = [from, x];
    from = x;
  }
  return (columns[first] as number) < 0 ? [0, 0] : [first, last];
}

/** Where a coordinate of the padded picture lies in the picture; -1 for the black outside. */
function locate(at: number, length: number, padMode: Recipe['padMode']): number {
  if (at >= 0 && at < length) return at;
  if (padMode === 'zero') return -1;
  return at < 0 ? -at : 2 * (length - 1) - at;
}

/** value / 255 for every byte, once for each channel: a table is faster than the division and rounds the same. */
const UNITS = Float32Array.from({ length: 256 * 64 }, (_, i) => (i & 255) / 255);

/** (value / 255 - mean) / deviation for every byte, one table per channel behind the other, in the steps and roundings of float32. */
function tablesOf(channels: number, normalization: Normalization | null): Float32Array | null {
  if (normalization === null) return null;
  const mean = Float32Array.from(normalization.mean);
  const std = Float32Array.from(normalization.std);
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i >> 8;
    return Math.fround((UNITS[i & 255] as number) - (mean[channel] as number)) / (std[channel] as number);
  });
}

/** A row of a picture, and which of its pixels are taken. */
interface Row {
  readonly source: Uint8Array;
  /** Where it begins. */
  readonly row: number;
  /** Byte offset of each pixel within the row, or -1 for black. */
  readonly columns: Int32Array;
  /** From `first` up to, not including, `last` they follow each other, in one direction or the other. */
  readonly first: number;
  readonly last: number;
  readonly channels: number;
}

function writeRow(row: Row, tables: Float32Array | null, { pixels, images }: Target, target: number): void {
  if (pixels !== null) writeTo(pixels, target, row, UNITS);
  if (images !== null && tables !== null) writeTo(images, target, row, tables);
}

function writeTo(out: Float32Array, target: number, picked: Row, tables: Float32Array): void {
  const { source, row, columns, channels } = picked;
  const [first, last] = channels === 3 ? [picked.first, picked.last] : [0, 0];
  writeColumns(out, target, source, row, columns, 0, first, channels, tables);
  const step = columns[first + 1] === undefined || (columns[first + 1] as number) > (columns[first] as number) ? 3 : -3;
  if (last > first) writeRun(out, target + 3 * first, last - first, source, row + (columns[first] as number), step, tables);
  writeColumns(out, target, source, row, columns, last, columns.length, channels, tables);
}

/** Pixel by pixel: where padding shows, and for other than three channels. */
function writeColumns(
  out: Float32Array,
  target: number,
  source: Uint8Array,
  row: number,
  columns: Int32Array,
  from: number,
  to: number,
  channels: number,
  tables: Float32Array,
): void {
  for (let x = from; x < to; x++) {
    const column = columns[x] as number;
    for (let c = 0; c < channels; c++) {
      out[target + x * channels + c] = tables[(c << 8) + (column < 0 ? 0 : (source[row + column + c] as number))] as number;
    }
  }
}

/** Three channels, pixels one behind the other: nearly all there is to write. */
function writeRun(
  out: Float32Array,
  target: number,
  count: number,
  source: Uint8Array,
  from: number,
  step: number,
  tables: Float32Array,
): void {
  let at = from;
  const end = target + 3 * count;
  for (let to = target; to < end; to += 3) {
    out[to] = tables[source[at] as number] as number;
    out[to + 1] = tables[256 + (source[at + 1] as number)] as number;
    out[to + 2] = tables[512 + (source[at + 2] as number)] as number;
    at += step;
  }
}

function writeBlack(width: number, channels: number, tables: Float32Array | null, { pixels, images }: Target, target: number): void {
  for (let i = 0; i < width * channels; i++) {
    if (pixels !== null) pixels[target + i] = 0;
    if (images !== null && tables !== null) images[target + i] = tables[(i % channels) << 8] as number;
  }
}
