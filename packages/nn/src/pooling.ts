import { averagePool as average, adaptiveAveragePool as averageTo, type Size2D } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { defineUnit, type UnitFactory } from './define-unit.ts';
import { badOption, inputShape as wrongInput } from './errors.ts';
import { asImage } from './shapes.ts';

export interface AveragePoolLayerOptions {
  /** Height and width of the windows, or one number for both; windows do not overlap. */
  readonly size: Size2D;
  /** Zeros on each side, which count in the mean; default 0. */
  readonly padding?: Size2D;
}

const both = (value: Size2D): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

function checked(layer: string, option: string, value: Size2D, least: number): readonly [number, number] {
  const pair = both(value);
  if (!pair.every((length) => Number.isInteger(length) && length >= least))
    throw badOption(layer, option, `a whole number ≥ ${least}, or two`, value);
  return pair;
}

/** Mean over windows beside each other, `[h, w, c]` → `[h', w', c]`. @throws MAN_NN_SHAPE, MAN_NN_OPTION */
export function averagePool(options: AveragePoolLayerOptions): UnitFactory {
  const size = checked('averagePool', 'size', options.size, 1);
  const padding = checked('averagePool', 'padding', options.padding ?? 0, 0);
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [height, width, channels] = asImage(name, inputShape);
      const count = (length: number, axis: 0 | 1) => Math.floor((length + 2 * padding[axis]) / size[axis]);
      if (count(height, 0) < 1 || count(width, 1) < 1)
        throw wrongInput(name, `at least ${size[0]}×${size[1]} with its padding`, inputShape);
      return { outputShape: [count(height, 0), count(width, 1), channels], apply: (x) => average(x, size, { padding }) };
    });
}

/** Mean over windows chosen so that the result has the given size, `[h, w, c]` → `[height, width, c]`. @throws MAN_NN_SHAPE, MAN_NN_OPTION */
export function adaptiveAveragePool(size: Size2D): UnitFactory {
  const target = checked('adaptiveAveragePool', 'size', size, 1);
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [height, width, channels] = asImage(name, inputShape);
      const isSame = height === target[0] && width === target[1];
      return { outputShape: [...target, channels], apply: (x) => (isSame ? tf.clone(x) : averageTo(x, target)) };
    });
}

/** One row per example, `[h, w, c]` → `[h·w·c]`, channels last. (PyTorch's flatten has channels first.) */
export function flatten(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ inputShape }) => {
      const features = inputShape.reduce((a, b) => a * b, 1);
      return { outputShape: [features], apply: (x) => tf.reshape(x, [-1, features]) };
    });
}

/** The same values in another shape, such as `[tokens, features]` → `[tokens, 1, features]`. @throws MAN_NN_SHAPE, MAN_NN_OPTION */
export function reshape(shape: readonly number[]): UnitFactory {
  const size = shape.reduce((a, b) => a * b, 1);
  if (!shape.every((length) => Number.isInteger(length) && length >= 1)) throw badOption('reshape', 'shape', 'whole numbers ≥ 1', shape);
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      if (inputShape.reduce((a, b) => a * b, 1) !== size) throw wrongInput(name, `${size} values`, inputShape);
      return { outputShape: shape, activations: 0, apply: (x) => tf.reshape(x, [-1, ...shape]) };
    });
}
