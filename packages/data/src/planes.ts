import type { ImageShape } from './dataset.ts';

/**
 * Turns planes, one per channel, into pixels `[height, width, channels]`.
 *
 * @param order how a plane goes through its pixels: `'rows'` (CIFAR) or `'columns'` (MATLAB: SVHN, STL-10)
 */
export function pixelsFromPlanes(
  planes: Uint8Array,
  from: number,
  out: Uint8Array,
  to: number,
  [height, width, channels]: ImageShape,
  order: 'rows' | 'columns',
): void {
  const plane = height * width;
  const [down, across] = order === 'rows' ? [width, 1] : [1, height];
  for (let y = 0, at = to; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = from + y * down + x * across;
      for (let c = 0; c < channels; c++) out[at++] = planes[pixel + c * plane] as number;
    }
  }
}
