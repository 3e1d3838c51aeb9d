import type { Tensor } from '@tensorflow/tfjs';
import { badOption, shapeMismatch } from './errors.ts';

/** One number for both axes, or `[height, width]`. */
export type Size2D = number | readonly [number, number];

/** A {@link Size2D} as `[height, width]`, checked. */
export function pair(operation: string, option: string, value: Size2D, least: number): readonly [number, number] {
  const both: readonly [number, number] = typeof value === 'number' ? [value, value] : value;
  if (!both.every((size) => Number.isInteger(size) && size >= least))
    throw badOption(operation, option, `a whole number ≥ ${least}`, value);
  return both;
}

/** Whether a filter fits an input of shape `[n, height, width, channels]`. @throws MAN_OPS_SHAPE, MAN_OPS_OPTION */
export function checkShapes(x: readonly number[], filter: Tensor, padding: readonly [number, number], groups: number): void {
  const got = `[${x.join(',')}]`;
  if (x.length !== 4) throw shapeMismatch('conv2d', 'x of shape [n, height, width, channels]', got);
  if (filter.rank !== 4) throw shapeMismatch('conv2d', 'a filter of shape [height, width, in / groups, out]', filter);
  if (!Number.isInteger(groups) || groups < 1) throw badOption('conv2d', 'groups', 'a whole number ≥ 1', groups);
  const [kernelHeight, kernelWidth, perGroup, out] = filter.shape as [number, number, number, number];
  const channels = x[3] as number;
  if (perGroup * groups !== channels || out % groups !== 0)
    throw shapeMismatch('conv2d', `a filter of shape [h, w, ${channels} / ${groups}, a multiple of ${groups}]`, filter);
  if ((x[1] as number) + 2 * padding[0] < kernelHeight || (x[2] as number) + 2 * padding[1] < kernelWidth)
    throw shapeMismatch('conv2d', `an input of at least ${kernelHeight}×${kernelWidth} with its padding`, got);
}
