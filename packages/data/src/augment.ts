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

/** Pictures as training takes them, side by side. */
export interface Finished {
  /** `[n, ...outputShape]` float32 in [0, 1]. */
  readonly pixels: Float32Array;
  /** The same, normalised; null where that changes nothing. */
  readonly images: Float32Array | null;
}

/** Pads, cuts, mirrors, scales to [0, 1] and normalises: the picture at `offset` of `source` becomes number `to` of `out`. */
export type Finisher = (source: Uint8Array, offset: number, to: number, out: Finished) => void;

/**
 * Prepares {@link Finisher}s for one batch: `placements[i]` belongs to the i-th picture, which need not become number i.
 *
 * @returns a function that gives the finisher of picture i
 */
export function finisher({ shape, recipe, placements, normalization }: Finish): (i: number) => Finisher {
  const tables = tablesOf(shape[2], normalization);
  const size = shape[0] * shape[1] * shape[2];
  if (recipe === null || placements === null) {
    return () => (source, offset, to, out) => write(source, offset, size, to * size, shape[2], tables, out);
  }
  const [outHeight, outWidth, channels] = outputShape(shape, recipe);
  const rowLength = outWidth * channels;
  // The padded, cut and mirrored row, before it is scaled; columns: byte offset of each of its pixels in the picture's row, or -1 for black.
  const cut = new Uint8Array(outHeight * rowLength);
  const columns = new Int32Array(outWidth);
  return (i) => (source, offset, to, out) => {
    const [top, left, mirrored] = [placements[3 * i] as number, placements[3 * i + 1] as number, placements[3 * i + 2] === 1];
    for (let x = 0; x < outWidth; x++) {
      const column = locate(left + (mirrored ? outWidth - 1 - x : x) - recipe.pad, shape[1], recipe.padMode);
      columns[x] = column < 0 ? -1 : column * channels;
    }
    for (let y = 0; y < outHeight; y++) {
      const row = locate(top + y - recipe.pad, shape[0], recipe.padMode);
      if (row < 0) cut.fill(0, y * rowLength, (y + 1) * rowLength);
      else gatherRow(source, offset + row * shape[1] * channels, columns, channels, cut, y * rowLength);
    }
    write(cut, 0, cut.length, to * cut.length, channels, tables, out);
  };
}

/** Where a coordinate of the padded picture lies in the picture; -1 for the black outside. */
function locate(at: number, length: number, padMode: Recipe['padMode']): number {
  if (at >= 0 && at < length) return at;
  if (padMode === 'zero') return -1;
  return at < 0 ? -at : 2 * (length - 1) - at;
}

function gatherRow(source: Uint8Array, row: number, columns: Int32Array, channels: number, out: Uint8Array, target: number): void {
  let to = target;
  for (let x = 0; x < columns.length; x++) {
    const column = columns[x] as number;
    for (let c = 0; c < channels; c++) out[to++] = column < 0 ? 0 : (source[row + column + c] as number);
  }
}

/** value / 255 for every byte: a table is faster than the division and rounds the same. */
const UNIT = Float32Array.from({ length: 256 }, (_, value) => value / 255);

/** (value / 255 - mean) / deviation for every byte, one table per channel behind the other, in the steps and roundings of float32. */
function tablesOf(channels: number, normalization: Normalization | null): Float32Array | null {
  if (normalization === null) return null;
  const mean = Float32Array.from(normalization.mean);
  const std = Float32Array.from(normalization.std);
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i >> 8;
    return Math.fround((UNIT[i & 255] as number) - (mean[channel] as number)) / (std[channel] as number);
  });
}

function write(
  source: Uint8Array,
  from: number,
  length: number,
  to: number,
  channels: number,
  tables: Float32Array | null,
  { pixels, images }: Finished,
): void {
  if (tables === null || images === null) {
    for (let i = 0; i < length; i++) pixels[to + i] = UNIT[source[from + i] as number] as number;
    return;
  }
  for (let i = 0; i < length; i += channels) {
    for (let c = 0; c < channels; c++) {
      const value = source[from + i + c] as number;
      pixels[to + i + c] = UNIT[value] as number;
      images[to + i + c] = tables[(c << 8) + value] as number;
    }
  }
}
