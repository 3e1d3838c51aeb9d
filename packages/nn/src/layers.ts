import type { Rng } from '@man/base';
import type { Unit } from '@man/core';
import {
  addBias,
  linear as affine,
  globalAveragePool as averageAll,
  batchNormEvaluation,
  batchNormTraining,
  conv2d as convolve,
  createVariable,
  relu as rectify,
  resizeBilinear,
  type Size2D,
  tensorOf,
} from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { defineUnit, type UnitFactory, type UnitSite } from './define-unit.ts';
import { badOption, inputShape as wrongInput } from './errors.ts';
import { applyPieces, applyResidual, endsOfStacks, fuse } from './fuse.ts';
import { asImage } from './shapes.ts';

export interface Conv2DLayerOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Height and width of the filter. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on each side; default 0. */
  readonly padding?: number;
  /** Default 1. */
  readonly groups?: number;
  /** Default false; `true` starts as PyTorch's does, `'zeros'` at 0. */
  readonly bias?: boolean | 'zeros';
}

/**
 * Convolution layer, `[h, w, in]` → `[h', w', filters]`. Variables: `weight` `[kernel, kernel, in / groups, filters]`, `bias`.
 *
 * Initial weights: normal with variance 2 / (kernel² · filters) (He, fan-out); bias uniform in ±1/√fan-in (PyTorch's default).
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 */
export function conv2d(options: Conv2DLayerOptions): UnitFactory {
  const { filters, kernel, stride = 1, padding = 0, groups = 1, bias = false } = options;
  for (const [name, value] of Object.entries({ filters, kernel, stride, groups }))
    if (!Number.isInteger(value) || value < 1) throw badOption('conv2d', name, 'a whole number ≥ 1', value);
  if (!Number.isInteger(padding) || padding < 0) throw badOption('conv2d', 'padding', 'a whole number ≥ 0', padding);
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const [height, width, channels] = asImage(name, inputShape);
      if (channels % groups !== 0 || filters % groups !== 0)
        throw badOption('conv2d', 'groups', `a divisor of ${channels} channels and ${filters} filters`, groups);
      if (Math.min(height, width) + 2 * padding < kernel)
        throw wrongInput(name, `at least ${kernel}×${kernel} with its padding`, inputShape);
      const size = (length: number) => Math.floor((length + 2 * padding - kernel) / stride) + 1;
      const outputShape = [size(height), size(width), filters];
      const fanIn = (kernel * kernel * channels) / groups;
      const deviation = Math.sqrt(2 / (kernel * kernel * filters));
      const weight = draw([kernel, kernel, channels / groups, filters], (out) => rng.split('weight').normal(out, 0, deviation));
      const shift = bias === false ? {} : { bias: bias === true ? uniform([filters], fanIn, rng.split('bias')) : zeros([filters]) };
      return {
        outputShape,
        parameters: { weight, ...shift },
        part: { kind: 'convolution', layer: { filter: weight, ...shift, stride, padding, groups } },
        macs: (outputShape[0] as number) * (outputShape[1] as number) * fanIn * filters,
        apply(x) {
          const y = convolve(x, weight, { stride, padding, groups } satisfies { stride: Size2D; padding: Size2D; groups: number });
          return shift.bias === undefined ? y : addBias(y, shift.bias);
        },
      };
    });
}

/**
 * Batch normalisation over all axes but the last. Variables: `weight`, `bias`, and the buffers `running_mean`, `running_var`.
 *
 * PyTorch's rules: epsilon 1e-5, new values weigh 0.1 in the running statistics, whose variance is unbiased.
 */
export function batchNorm(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ inputShape }) => {
      const channels = inputShape[inputShape.length - 1] as number;
      const weight = createVariable(tf.ones([channels]));
      const bias = createVariable(tf.zeros([channels]));
      const runningMean = createVariable(tf.zeros([channels]), false);
      const runningVariance = createVariable(tf.ones([channels]), false);
      const variables = { weight, bias, runningMean, runningVariance };
      return {
        outputShape: inputShape,
        parameters: { weight, bias },
        buffers: { running_mean: runningMean, running_var: runningVariance },
        activations: 0,
        part: { kind: 'norm', norm: variables },
        apply(x, training) {
          if (!training) return batchNormEvaluation(x, variables);
          const result = batchNormTraining(x, variables);
          runningMean.assign(result.runningMean as tf.Tensor1D);
          runningVariance.assign(result.runningVariance as tf.Tensor1D);
          return result.y;
        },
      };
    });
}

/** `max(x, 0)`. */
export function relu(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ inputShape }) => ({ outputShape: inputShape, part: { kind: 'relu' }, activations: 0, apply: (x) => rectify(x) }));
}

/**
 * Bilinear resize with corners on corners (`align_corners=True`), `[h, w, c]` → `[height, width, c]`; a 3×3 convolution behind it
 * runs without the enlarged picture.
 */
export function resize(size: readonly [number, number]): UnitFactory {
  if (!size.every((length) => Number.isInteger(length) && length >= 1)) throw badOption('resize', 'size', 'two whole numbers ≥ 1', size);
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [height, width, channels] = asImage(name, inputShape);
      const isSame = height === size[0] && width === size[1];
      return {
        outputShape: [...size, channels],
        ...(isSame ? {} : { part: { kind: 'resize', size } }),
        apply: (x) => resizeBilinear(x, size),
      };
    });
}

/** Mean over height and width, `[h, w, c]` → `[c]`. */
export function globalAveragePool(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => ({
      outputShape: [asImage(name, inputShape)[2]],
      part: { kind: 'pool' },
      apply: (x) => averageAll(x),
    }));
}

export interface LinearLayerOptions {
  /** Values of the output. */
  readonly features: number;
  /** Default true. */
  readonly bias?: boolean;
  /**
   * Where the weight starts: `'default'` draws it, `'zero'` does not; the bias is drawn in any case. `{ deviation }` draws a normal
   * weight, with a bias of 0.
   */
  readonly init?: 'default' | 'zero' | { readonly deviation: number };
}

/**
 * Fully connected layer, `[in]` → `[features]`, or for each token `[tokens, in]` → `[tokens, features]`. Variables: `weight`
 * `[in, features]`, `bias`, both uniform in ±1/√in (PyTorch's default).
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 */
export function linear(options: LinearLayerOptions): UnitFactory {
  const { features, bias: isShifted = true, init = 'default' } = options;
  if (!Number.isInteger(features) || features < 1) throw badOption('linear', 'features', 'a whole number ≥ 1', features);
  const deviation = typeof init === 'object' ? init.deviation : null;
  if (deviation === null ? init !== 'default' && init !== 'zero' : !(deviation > 0))
    throw badOption('linear', 'init', "'default', 'zero' or { deviation } above 0", init);
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const inputs = inputShape.at(-1);
      if (inputs === undefined || inputShape.length > 2) throw wrongInput(name, '[features] or [tokens, features]', inputShape);
      const places = inputShape.slice(0, -1);
      const shape = [inputs, features];
      const own = rng.split('weight');
      const drawn = () => (deviation === null ? uniform(shape, inputs, own) : draw(shape, (out) => own.normal(out, 0, deviation)));
      const weight = init === 'zero' ? zeros(shape) : drawn();
      const shift = isShifted ? { bias: deviation === null ? uniform([features], inputs, rng.split('bias')) : zeros([features]) } : {};
      return {
        outputShape: [...places, features],
        parameters: { weight, ...shift },
        macs: (places[0] ?? 1) * inputs * features,
        apply(x) {
          if (places.length === 0) return affine(x, weight, shift.bias);
          return tf.reshape(affine(tf.reshape(x, [-1, inputs]), weight, shift.bias), [-1, ...places, features]);
        },
      };
    });
}

/**
 * Layers one after the other; variables are named after the parts: `conv.weight`. Convolutions run as one operation with the
 * batch norms, ReLUs and global pooling behind them.
 *
 * @example
 * ```ts
 * const stem = sequential({ conv: conv2d({ filters: 16, kernel: 3, padding: 1 }), bn: batchNorm(), relu: relu() });
 * ```
 */
export function sequential(factories: Readonly<Record<string, UnitFactory>>): UnitFactory {
  return (site) =>
    defineUnit(site, (own) => {
      const { parts, outputShape } = chain(factories, own);
      const pieces = fuse(Object.values(parts));
      return {
        outputShape,
        parts,
        activations: endsOfStacks(Object.values(parts)),
        apply: (x, training) => applyPieces(pieces, x, training),
      };
    });
}

/**
 * `relu(branch(x) + shortcut(x))`: a residual unit. Variables of the branch's layers are named after them, those of the shortcut
 * `shortcut.…`. Without a shortcut x itself is added.
 *
 * @throws MAN_NN_SHAPE when branch and shortcut end in different shapes
 * @see He et al., "Deep residual learning", CVPR 2016, Eq. 1 and 2
 * @example
 * ```ts
 * const unit = residual({ conv: conv2d({ filters: 16, kernel: 3, padding: 1 }), bn: batchNorm() });
 * ```
 */
export function residual(branch: Readonly<Record<string, UnitFactory>>, shortcut?: Readonly<Record<string, UnitFactory>>): UnitFactory {
  return (site) =>
    defineUnit(site, (own) => {
      const { parts, outputShape } = chain(branch, own);
      const { name, inputShape, rng } = own;
      const beside = shortcut && chain(shortcut, { name: `${name}.shortcut`, inputShape, rng: rng.split('shortcut') });
      const added = beside?.outputShape ?? inputShape;
      if (added.join() !== outputShape.join()) throw wrongInput(`${name}.shortcut`, `that becomes [${outputShape.join(',')}]`, added);
      const [main, side] = [fuse(Object.values(parts)), fuse(Object.values(beside?.parts ?? {}))];
      const sideParts = Object.entries(beside?.parts ?? {}).map(([part, unit]) => [`shortcut.${part}`, unit]);
      return {
        outputShape,
        parts: { ...parts, ...Object.fromEntries(sideParts) },
        activations: endsOfStacks(Object.values(parts)),
        apply: (x, training) => applyResidual(main, side, x, training),
      };
    });
}

/** Builds layers each for the shape that the one before it gives. */
function chain(factories: Readonly<Record<string, UnitFactory>>, { name, inputShape, rng }: UnitSite) {
  let shape = inputShape;
  const parts: Record<string, Unit> = {};
  for (const [part, factory] of Object.entries(factories)) {
    const unit = factory({ name: `${name}.${part}`, inputShape: shape, rng: rng.split(part) });
    shape = unit.outputShape;
    parts[part] = unit;
  }
  return { parts, outputShape: shape };
}

function draw(shape: number[], fill: (out: Float32Array) => Float32Array): tf.Variable {
  return createVariable(tensorOf(shape, () => fill(new Float32Array(shape.reduce((a, b) => a * b, 1)))));
}

const zeros = (shape: number[]): tf.Variable => createVariable(tf.zeros(shape));

/** PyTorch's default for weights of linear layers and biases: uniform in ±1/√fan-in. */
function uniform(shape: number[], fanIn: number, rng: Rng): tf.Variable {
  const bound = 1 / Math.sqrt(fanIn);
  return draw(shape, (out) => rng.uniform(out, -bound, bound));
}
