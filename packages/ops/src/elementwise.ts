import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel } from './kernel.ts';

type None = Readonly<Record<string, never>>;
const NONE: None = {};

/**
 * `max(x, 0)`, with TensorFlow's own gradient kernel (the stock gradient of `tf.relu` takes eight times as long).
 *
 * @param x float32, any shape
 */
export function relu<T extends tf.Tensor>(x: T): T {
  return rectify({ x }, NONE) as T;
}

const rectify = defineKernel<{ x: tf.Tensor }, None, tf.Tensor>('ManRelu', {
  tensorflow: ({ x }, _, raw) => raw.one('Relu', [x]),
  composed: ({ x }) => tf.relu(x),
});

const rectifyGradient = defineKernel<{ dy: tf.Tensor; y: tf.Tensor }, None, tf.Tensor>('ManReluGradient', {
  tensorflow: ({ dy, y }, _, raw) => raw.one('ReluGrad', [dy, y]),
  composed: ({ dy, y }) => tf.mul(dy, tf.cast(tf.greater(y, 0), 'float32')),
});

defineGradient('ManRelu', {
  outputs: [true],
  gradient: (dy, [y]) => ({ x: () => rectifyGradient({ dy, y: y! }, NONE) }),
});

/**
 * `a + b` of equal shapes. Its gradients are the incoming one itself: nothing is computed or copied on the way back.
 *
 * @throws MAN_OPS_SHAPE when the shapes differ (nothing is broadcast)
 */
export function add<T extends tf.Tensor>(a: T, b: T): T {
  if (!tf.util.arraysEqual(a.shape, b.shape)) throw shapeMismatch('add', `b of a's shape [${a.shape.join(',')}]`, b);
  return sum({ a, b }, NONE) as T;
}

const sum = defineKernel<{ a: tf.Tensor; b: tf.Tensor }, None, tf.Tensor>('ManAdd', {
  native: ({ a, b }, _, raw) => raw.one('ManAdd', [a, b], {}),
  tensorflow: ({ a, b }, _, raw) => raw.one('AddV2', [a, b]),
  composed: ({ a, b }) => tf.add(a, b),
});

defineGradient('ManAdd', {
  gradient: (dy) => ({ a: () => tf.clone(dy), b: () => tf.clone(dy) }),
});

/**
 * Adds one number per channel: `x + bias` along the last axis.
 *
 * @param x `[…, channels]` float32
 * @param bias `[channels]`
 * @throws MAN_OPS_SHAPE
 */
export function addBias<T extends tf.Tensor>(x: T, bias: tf.Tensor): T {
  const channels = x.shape[x.rank - 1] as number;
  if (bias.rank !== 1 || bias.shape[0] !== channels) throw shapeMismatch('addBias', `bias of shape [${channels}]`, bias);
  return shift({ x, bias }, NONE) as T;
}

const shift = defineKernel<{ x: tf.Tensor; bias: tf.Tensor }, None, tf.Tensor>('ManAddBias', {
  tensorflow: ({ x, bias }, _, raw) => raw.one('BiasAdd', [x, bias], { T: 'float32', data_format: 'NHWC' }),
  composed: ({ x, bias }) => tf.add(x, bias),
});

const shiftGradient = defineKernel<{ dy: tf.Tensor }, None, tf.Tensor>('ManAddBiasGradient', {
  tensorflow: ({ dy }, _, raw) => raw.one('BiasAddGrad', [dy], { T: 'float32', data_format: 'NHWC' }),
  composed: ({ dy }) => tf.sum(dy, [...Array(dy.rank - 1).keys()]),
});

defineGradient('ManAddBias', {
  gradient: (dy) => ({ x: () => tf.clone(dy), bias: () => shiftGradient({ dy }, NONE) }),
});

/**
 * `Σ weights[i] · terms[i]` of scalars, as one operation: how a loss is put together from its terms.
 *
 * @throws MAN_OPS_SHAPE for a term that is not a scalar, or unless each term has a weight
 */
export function weightedSum(terms: readonly tf.Scalar[], weights: readonly number[]): tf.Scalar {
  const wrong = terms.find((term) => term.rank !== 0);
  if (wrong !== undefined) throw shapeMismatch('weightedSum', 'scalars', wrong);
  if (terms.length !== weights.length || terms.length === 0)
    throw shapeMismatch('weightedSum', `a weight for each of ${terms.length} terms`, `${weights.length} weights`);
  return weigh(Object.fromEntries(terms.map((term, i) => [`term${i}`, term])), { weights }) as tf.Scalar;
}

const weigh = defineKernel<Readonly<Record<string, tf.Tensor>>, { readonly weights: readonly number[] }, tf.Tensor>('ManWeightedSum', {
  tensorflow: (inputs, attributes) => tf.tidy(() => weighed(inputs, attributes)),
  composed: (inputs, attributes) => weighed(inputs, attributes),
});

function weighed(inputs: Readonly<Record<string, tf.Tensor>>, { weights }: { readonly weights: readonly number[] }): tf.Tensor {
  const parts = weights.map((weight, i) => tf.mul(inputs[`term${i}`] as tf.Tensor, weight));
  return parts.length === 1 ? (parts[0] as tf.Tensor) : tf.addN(parts);
}

defineGradient<{ readonly weights: readonly number[] }>('ManWeightedSum', {
  gradient: (dy, _, { weights }) => Object.fromEntries(weights.map((weight, i) => [`term${i}`, () => tf.mul(dy, weight)])),
});
