import * as tf from '@tensorflow/tfjs';
import { addBias } from './elementwise.ts';
import { shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel } from './kernel.ts';

/**
 * `x · weight + bias`.
 *
 * @param x `[n, in]` float32
 * @param weight `[in, out]` (PyTorch keeps the transpose)
 * @param bias `[out]`
 * @returns `[n, out]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  if (x.rank !== 2) throw shapeMismatch('linear', 'x of shape [n, in]', x);
  if (weight.rank !== 2 || weight.shape[0] !== x.shape[1]) throw shapeMismatch('linear', `weight of shape [${x.shape[1]}, out]`, weight);
  return tf.tidy(() => addBias(multiply({ x, weight }, {}), bias));
}

const multiply = defineKernel<{ x: tf.Tensor; weight: tf.Tensor }, Readonly<Record<string, never>>, tf.Tensor2D>('ManLinear', {
  tensorflow: ({ x, weight }, _, raw) => raw.one('MatMul', [x, weight], { T: 'float32', transpose_a: false, transpose_b: false }),
  composed: ({ x, weight }) => tf.matMul(x, weight),
});

defineGradient('ManLinear', {
  inputs: ['x', 'weight'],
  gradient: (dy, [x, weight]) => ({
    x: () => tf.matMul(dy, weight!, false, true),
    weight: () => tf.matMul(x!, dy, true, false),
  }),
});
