import { maxPool as largest } from '@man/ops';
import { defineUnit, type UnitFactory } from './define-unit.ts';
import { badOption, inputShape as wrongInput } from './errors.ts';
import { asImage } from './shapes.ts';

export interface MaxPoolLayerOptions {
  /** Height and width of the window. */
  readonly size: number;
  /** Default: the window's size. */
  readonly stride?: number;
  /** On each side, never the maximum; at most half of the size, default 0. */
  readonly padding?: number;
}

/** Maximum over windows, `[h, w, c]` → `[h', w', c]`; of equal values the first gets the gradient. @throws MAN_NN_SHAPE, MAN_NN_OPTION */
export function maxPool({ size, stride = size, padding = 0 }: MaxPoolLayerOptions): UnitFactory {
  for (const [name, value] of Object.entries({ size, stride }))
    if (!Number.isInteger(value) || value < 1) throw badOption('maxPool', name, 'a whole number ≥ 1', value);
  if (!Number.isInteger(padding) || padding < 0 || 2 * padding > size)
    throw badOption('maxPool', 'padding', 'a whole number from 0 to half of the size', padding);
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [height, width, channels] = asImage(name, inputShape);
      if (Math.min(height, width) + 2 * padding < size) throw wrongInput(name, `at least ${size}×${size} with its padding`, inputShape);
      const windows = (length: number) => Math.floor((length + 2 * padding - size) / stride) + 1;
      return { outputShape: [windows(height), windows(width), channels], apply: (x) => largest(x, size, { stride, padding }) };
    });
}
