import type { Rng } from '@man/base';
import type { Augmentation, ImageShape } from './dataset.ts';

/** An {@link Augmentation} with every default filled in; `null` fields never occur. */
export interface Recipe {
  readonly pad: number;
  readonly padMode: 'reflect' | 'zero';
  readonly crop: readonly [height: number, width: number];
  readonly flip: boolean;
}

/** One batch's work, as it is sent to a worker thread: only plain data. */
export interface BatchTask {
  /** uint8 pictures, `[*, ...shape]`. */
  readonly source: Uint8Array;
  /** Which pictures of `source`, in the order of the batch. */
  readonly rows: Uint32Array;
  readonly shape: ImageShape;
  /** Null for evaluation. */
  readonly recipe: Recipe | null;
  /** Where {@link drawPlacements} drew; null for evaluation. Three numbers per picture: top, left, flip. */
  readonly placements: Int32Array | null;
  /** Receives `[rows, ...outputShape]` float32 in [0, 1]. */
  readonly out: Float32Array;
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

/** Does one batch's work: pads, cuts, mirrors, and scales to [0, 1]. Pure but for `task.out`. */
export function prepareBatch(task: BatchTask): void {
  const { source, rows, shape, recipe, placements, out } = task;
  const size = shape[0] * shape[1] * shape[2];
  if (recipe === null || placements === null) {
    for (let i = 0; i < rows.length; i++) scale(source, (rows[i] as number) * size, out, i * size, size);
    return;
  }
  const [outHeight, outWidth, channels] = outputShape(shape, recipe);
  const rowLength = outWidth * channels;
  // Byte offset of each output column within its source row, or -1 for black; the same for all rows of a picture.
  const columns = new Int32Array(outWidth);
  for (let i = 0; i < rows.length; i++) {
    const top = placements[3 * i] as number;
    const left = placements[3 * i + 1] as number;
    const mirrored = placements[3 * i + 2] === 1;
    for (let x = 0; x < outWidth; x++) {
      const column = locate(left + (mirrored ? outWidth - 1 - x : x) - recipe.pad, shape[1], recipe.padMode);
      columns[x] = column < 0 ? -1 : column * channels;
    }
    const picture = (rows[i] as number) * size;
    for (let y = 0; y < outHeight; y++) {
      const row = locate(top + y - recipe.pad, shape[0], recipe.padMode);
      const target = (i * outHeight + y) * rowLength;
      if (row < 0) out.fill(0, target, target + rowLength);
      else gatherRow(source, picture + row * shape[1] * channels, columns, channels, out, target);
    }
  }
}

/** Where a coordinate of the padded picture lies in the picture; -1 for the black outside. */
function locate(at: number, length: number, padMode: Recipe['padMode']): number {
  if (at >= 0 && at < length) return at;
  if (padMode === 'zero') return -1;
  return at < 0 ? -at : 2 * (length - 1) - at;
}

function gatherRow(source: Uint8Array, row: number, columns: Int32Array, channels: number, out: Float32Array, target: number): void {
  let to = target;
  for (let x = 0; x < columns.length; x++) {
    const column = columns[x] as number;
    for (let c = 0; c < channels; c++) out[to++] = column < 0 ? 0 : (UNIT[source[row + column + c] as number] as number);
  }
}

function scale(source: Uint8Array, from: number, out: Float32Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) out[to + i] = UNIT[source[from + i] as number] as number;
}

/** value / 255 for every byte: a table is faster than the division and rounds the same. */
const UNIT = Float32Array.from({ length: 256 }, (_, value) => value / 255);
