import type { Shape } from '@man/core';

/** The average pooling in front of the prediction. */
export interface PoolPlan {
  /** Height and width of the windows, which do not overlap. */
  readonly window: readonly [number, number];
  /** Zeros on each side; they count in the mean. */
  readonly padding: readonly [number, number];
}

/**
 * The smallest windows that leave at most `target` values: their height is doubled, then their width, in turns. They may be higher than wide;
 * where they do not divide the picture it is padded by half a window on both sides.
 *
 * @param shape `[height, width, channels]`
 * @see Nøkland and Eidnes, ICML 2019, and its released code
 */
export function planPooling([height, width, channels]: Shape, target: number): PoolPlan {
  const sizes = [height, width] as [number, number];
  const window: [number, number] = [1, 1];
  const left = (axis: 0 | 1) => Math.ceil(sizes[axis] / window[axis]);
  let axis: 0 | 1 = 0;
  while ((channels as number) * left(0) * left(1) > target && Math.max(left(0), left(1)) > 1) {
    window[axis] *= 2;
    axis = axis === 0 ? 1 : 0;
  }
  const padding = (of: 0 | 1) => (sizes[of] % window[of] === 0 ? 0 : window[of] / 2);
  return { window, padding: [padding(0), padding(1)] };
}
