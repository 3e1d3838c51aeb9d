import { createRng } from '@man/base';
import { describe, expect, it } from 'vitest';
import type { Finish } from './augment.ts';
import { drawPlacements, outputShape, recipeOf } from './augment.ts';
import { prepareBatch } from './prepare.ts';
import { countingSplit } from './testing/fixtures.ts';

/** Pictures in memory, prepared without threads. */
async function prepareOf(source: Uint8Array, rows: Uint32Array, finish: Finish) {
  const size = rows.length * outputShape(finish.shape, finish.recipe).reduce((a, b) => a * b);
  const out = { pixels: new Float32Array(size), images: finish.normalization === null ? null : new Float32Array(size) };
  await prepareBatch({ ...finish, out, pictures: { source, rows }, range: null, stream: null, numbers: rows, skip: false });
  return out;
}

/** The same by other means: the padded picture is built, then cut, then mirrored. */
function reference(
  picture: Uint8Array,
  [h, w, c]: readonly [number, number, number],
  pad: number,
  mode: string,
  place: readonly number[],
  crop: number,
) {
  const padded = (y: number, x: number, k: number): number => {
    let [row, column] = [y - pad, x - pad];
    if (mode === 'zero' && (row < 0 || row >= h || column < 0 || column >= w)) return 0;
    if (row < 0) row = -row;
    if (row >= h) row = h - 1 - (row - (h - 1));
    if (column < 0) column = -column;
    if (column >= w) column = w - 1 - (column - (w - 1));
    return picture[(row * w + column) * c + k] as number;
  };
  const [top = 0, left = 0, flip = 0] = place;
  const out: number[] = [];
  for (let y = 0; y < crop; y++) {
    for (let x = 0; x < crop; x++) {
      for (let k = 0; k < c; k++) out.push(Math.fround(padded(top + y, left + (flip === 1 ? crop - 1 - x : x), k) / 255));
    }
  }
  return out;
}

describe('prepareBatch', () => {
  it.each([
    { pad: 4, padMode: 'reflect' as const, flip: true },
    { pad: 7, padMode: 'reflect' as const, flip: true },
    { pad: 2, padMode: 'zero' as const, flip: false },
    { pad: 0, flip: true, crop: 5 },
    { pad: 3, padMode: 'zero' as const, flip: true, crop: 11 },
  ])('pads, cuts and mirrors like the padded picture written out: %o', async (augmentation) => {
    const { images, imageShape } = countingSplit(6);
    const recipe = recipeOf(augmentation, imageShape);
    const rows = Uint32Array.of(5, 0, 3, 3);
    const placements = drawPlacements(createRng(11), rows.length, imageShape, recipe);
    const size = outputShape(imageShape, recipe).reduce((a, b) => a * b);
    const batch = await prepareOf(images as Uint8Array, rows, { shape: imageShape, recipe, placements, normalization: null });
    const out = batch.pixels;
    expect([out.length, batch.images]).toEqual([rows.length * size, null]);
    rows.forEach((row, i) => {
      const picture = (images as Uint8Array).subarray(row * 192, (row + 1) * 192);
      const place = [...placements.subarray(3 * i, 3 * i + 3)];
      expect([...out.subarray(i * size, (i + 1) * size)]).toEqual(
        reference(picture, [8, 8, 3], recipe.pad, recipe.padMode, place, recipe.crop[0]),
      );
    });
  });

  it('reflects without repeating the edge: 3 2 1 [0 1 2 3] 2 1 0', async () => {
    const recipe = recipeOf({ pad: 3, crop: 10 }, [4, 4, 1]);
    const source = Uint8Array.from({ length: 16 }, (_, i) => i % 4);
    const placements = Int32Array.of(0, 0, 0);
    const { pixels: out } = await prepareOf(source, Uint32Array.of(0), { shape: [4, 4, 1], recipe, placements, normalization: null });
    expect([...out.subarray(0, 10)].map((value) => Math.round(value * 255))).toEqual([3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
  });

  it('scales without a recipe, exactly as division by 255', async () => {
    const source = Uint8Array.from({ length: 256 }, (_, i) => i);
    const finish = { shape: [16, 16, 1], recipe: null, placements: null, normalization: null } as const;
    expect([...(await prepareOf(source, Uint32Array.of(0), finish)).pixels]).toEqual([...source].map((value) => Math.fround(value / 255)));
  });

  it('normalises each channel in the roundings of float32, padding included', async () => {
    const normalization = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };
    const recipe = recipeOf({ pad: 2, padMode: 'zero', flip: true }, [8, 8, 3]);
    const { images: source, imageShape: shape } = countingSplit(3);
    const rows = Uint32Array.of(2, 0, 1);
    const placements = Int32Array.of(0, 0, 1, 4, 4, 0, 2, 1, 1);
    const { pixels, images } = await prepareOf(source as Uint8Array, rows, { shape, recipe, placements, normalization });
    const { fround } = Math;
    const by = (values: readonly number[], i: number) => fround(values[i % 3] as number);
    expect([...(images as Float32Array)]).toEqual(
      [...pixels].map((value, i) => fround(fround(value - by(normalization.mean, i)) / by(normalization.std, i))),
    );
    expect(pixels[0]).toBe(0);
  });
});

describe('drawPlacements', () => {
  it('keeps its order of draws (golden)', () => {
    const recipe = recipeOf({ pad: 4, flip: true }, [32, 32, 3]);
    expect([...drawPlacements(createRng(7).split('epoch:1').split('batch:0'), 4, [32, 32, 3], recipe)]).toEqual([
      8, 1, 1, 7, 2, 1, 1, 8, 1, 8, 4, 1,
    ]);
  });

  it('draws the same crops with and without mirroring, and spreads over the whole range', () => {
    const draw = (flip: boolean) => drawPlacements(createRng(3), 3000, [32, 32, 3], recipeOf({ pad: 4, flip }, [32, 32, 3]));
    const [withFlip, without] = [draw(true), draw(false)];
    const counts = new Array<number>(9).fill(0);
    let mirrored = 0;
    for (let i = 0; i < withFlip.length; i += 3) {
      expect([without[i], without[i + 1], without[i + 2]]).toEqual([withFlip[i], withFlip[i + 1], 0]);
      counts[withFlip[i] as number]!++;
      mirrored += withFlip[i + 2] as number;
    }
    for (const count of counts) expect(Math.abs(count - 333)).toBeLessThan(100);
    expect(Math.abs(mirrored - 1500)).toBeLessThan(120);
  });
});
