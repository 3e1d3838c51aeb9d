import * as tf from '@tensorflow/tfjs';
import { addBias } from './elementwise.ts';
import { shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel } from './kernel.ts';

/**
 * `x · weight + bias`, or without the bias.
 *
 * @param x `[n, in]` float32
 * @param weight `[in, out]` (PyTorch keeps the transpose)
 * @param bias `[out]`
 * @returns `[n, out]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor2D {
  if (x.rank !== 2) throw shapeMismatch('linear', 'x of shape [n, in]', x);
  if (weight.rank !== 2 || weight.shape[0] !== x.shape[1]) throw shapeMismatch('linear', `weight of shape [${x.shape[1]}, out]`, weight);
  if (bias === undefined) return multiply({ x, weight }, {});
  return tf.tidy(() => addBias(multiply({ x, weight }, {}), bias));
}

const multiply = defineKernel<{ x: tf.Tensor; weight: tf.Tensor }, Readonly<Record<string, never>>, tf.Tensor2D>('ManLinear', {
  // tf.matMul runs BatchMatMulV2. MatMul's oneDNN kernel (TensorFlow 2.18, AVX-512) corrupts the heap when a signal
  // interrupts it, as sampling profilers do.
  tensorflow: ({ x, weight }) => tf.matMul(x, weight),
  composed: ({ x, weight }) => tf.matMul(x, weight),
});

defineGradient('ManLinear', {
  inputs: ['x', 'weight'],
  gradient: (dy, [x, weight]) => ({
    x: () => tf.matMul(dy, weight!, false, true),
    weight: () => tf.matMul(x!, dy, true, false),
  }),
});
