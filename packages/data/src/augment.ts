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
  const channels = shape[2];
  const tables = tablesOf(channels, normalization);
  if (recipe === null || placements === null) {
    const [columns, length] = [Int32Array.from({ length: shape[1] }, (_, x) => x * channels), shape[1] * channels];
    return () => (source, offset, to, out) => {
      for (let y = 0; y < shape[0]; y++)
        writeRow(source, offset + y * length, columns, channels, tables, out, (to * shape[0] + y) * length);
    };
  }
  const [outHeight, outWidth] = outputShape(shape, recipe);
  // Byte offset of each pixel of a row within the picture's row, or -1 for black.
  const columns = new Int32Array(outWidth);
  return (i) => (source, offset, to, out) => {
    const [top, left, mirrored] = [placements[3 * i] as number, placements[3 * i + 1] as number, placements[3 * i + 2] === 1];
    for (let x = 0; x < outWidth; x++) {
      const column = locate(left + (mirrored ? outWidth - 1 - x : x) - recipe.pad, shape[1], recipe.padMode);
      columns[x] = column < 0 ? -1 : column * channels;
    }
    for (let y = 0; y < outHeight; y++) {
      const row = locate(top + y - recipe.pad, shape[0], recipe.padMode);
      const target = (to * outHeight + y) * outWidth * channels;
      if (row < 0) writeRow(BLACK, 0, new Int32Array(outWidth), channels, tables, out, target);
      else writeRow(source, offset + row * shape[1] * channels, columns, channels, tables, out, target);
    }
  };
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

/** More channels than pictures have. */
const BLACK = new Uint8Array(64);

/** One row: each pixel is taken from its column, looked up, and written. */
function writeRow(
  source: Uint8Array,
  row: number,
  columns: Int32Array,
  channels: number,
  tables: Float32Array | null,
  { pixels, images }: Target,
  target: number,
): void {
  if (channels === 3 && pixels !== null && images !== null && tables !== null) {
    writeBoth(source, row, columns, tables, pixels, images, target);
    return;
  }
  if (pixels !== null) writeOne(source, row, columns, channels, UNITS, pixels, target);
  if (images !== null && tables !== null) writeOne(source, row, columns, channels, tables, images, target);
}

function writeOne(
  source: Uint8Array,
  row: number,
  columns: Int32Array,
  channels: number,
  tables: Float32Array,
  out: Float32Array,
  target: number,
): void {
  for (let x = 0, to = target; x < columns.length; x++) {
    const column = columns[x] as number;
    for (let c = 0; c < channels; c++) out[to++] = tables[(c << 8) + (column < 0 ? 0 : (source[row + column + c] as number))] as number;
  }
}

/** The usual case, three channels and both arrays, without a loop over channels: three times as fast. */
function writeBoth(
  source: Uint8Array,
  row: number,
  columns: Int32Array,
  tables: Float32Array,
  pixels: Float32Array,
  images: Float32Array,
  target: number,
): void {
  for (let x = 0, to = target; x < columns.length; x++, to += 3) {
    const column = columns[x] as number;
    const at = row + column;
    const red = column < 0 ? 0 : (source[at] as number);
    const green = column < 0 ? 0 : (source[at + 1] as number);
    const blue = column < 0 ? 0 : (source[at + 2] as number);
    pixels[to] = UNITS[red] as number;
    pixels[to + 1] = UNITS[green] as number;
    pixels[to + 2] = UNITS[blue] as number;
    images[to] = tables[red] as number;
    images[to + 1] = tables[256 + green] as number;
    images[to + 2] = tables[512 + blue] as number;
  }
}
