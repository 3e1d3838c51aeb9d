import type { Rng } from '@man/base';
import type { Box } from './resample.ts';

/** How a picture of any size becomes one of the split's size. */
export interface Sizing {
  /** The part of the picture that is used. */
  readonly box: Box;
  /** What it is resized to. */
  readonly size: { readonly width: number; readonly height: number };
  /** What is cut out of the result. */
  readonly window: Box;
}

/** Shorter side to `resize` pixels, then the centre: what evaluation does. Numbers as torchvision's `Resize` and `CenterCrop` have them. */
export function centre(
  width: number,
  height: number,
  resize: number,
  [outHeight, outWidth]: readonly [number, number, ...number[]],
): Sizing {
  const short = Math.min(width, height);
  const size = { width: Math.trunc((resize * width) / short), height: Math.trunc((resize * height) / short) };
  const window = {
    left: roundEven((size.width - outWidth) / 2),
    top: roundEven((size.height - outHeight) / 2),
    width: outWidth,
    height: outHeight,
  };
  return { box: { left: 0, top: 0, width, height }, size, window };
}

/** A half goes to the even neighbour, as in Python. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** A {@link RandomResizedCrop} with its defaults. */
export interface CropRange {
  readonly scale: readonly [least: number, most: number];
  readonly ratio: readonly [least: number, most: number];
}

/** Attempts to find a box that fits. */
const ATTEMPTS = 10;

/**
 * A random part of the picture, resized: Inception's augmentation, as torchvision's `RandomResizedCrop` has it.
 *
 * Order of draws: for each attempt `next()` for the area and `next()` for the logarithm of the ratio; when the box fits, `integer()` for the
 * top and for the left. After ten attempts the largest centred box whose ratio is allowed.
 */
export function randomBox(rng: Rng, width: number, height: number, { scale, ratio }: CropRange): Box {
  const [logLeast, logMost] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * (scale[0] + (scale[1] - scale[0]) * rng.next());
    const aspect = Math.exp(logLeast + (logMost - logLeast) * rng.next());
    const [w, h] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (w > 0 && h > 0 && w <= width && h <= height) {
      const top = rng.integer(height - h + 1);
      return { left: rng.integer(width - w + 1), top, width: w, height: h };
    }
  }
  const whole = width / height;
  const w = whole > ratio[1] ? Math.max(1, Math.round(height * ratio[1])) : width;
  const h = whole < ratio[0] ? Math.max(1, Math.round(width / ratio[0])) : height;
  return { left: Math.trunc((width - w) / 2), top: Math.trunc((height - h) / 2), width: w, height: h };
}

/** The random part brought to the size of the split. */
export function randomSizing(
  rng: Rng,
  width: number,
  height: number,
  range: CropRange,
  [outHeight, outWidth]: readonly [number, number, ...number[]],
): Sizing {
  const size = { width: outWidth, height: outHeight };
  return { box: randomBox(rng, width, height, range), size, window: { left: 0, top: 0, ...size } };
}
