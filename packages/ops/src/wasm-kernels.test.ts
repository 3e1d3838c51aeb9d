import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { useEngine } from './index.ts';

afterAll(() => useEngine('auto'));

type Build = (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor;
interface Case {
  readonly name: string;
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly apply: Build;
}

const cases: readonly Case[] = [
  { name: 'conv2d, same', x: [2, 7, 6, 3], filter: [3, 3, 3, 4], apply: (x, w) => tf.conv2d(x, w, 1, 'same') },
  { name: 'conv2d, even kernel, stride 2', x: [2, 7, 6, 3], filter: [2, 4, 3, 5], apply: (x, w) => tf.conv2d(x, w, 2, 'same') },
  { name: 'conv2d, valid, rows left over', x: [2, 8, 9, 2], filter: [3, 3, 2, 4], apply: (x, w) => tf.conv2d(x, w, [2, 3], 'valid') },
  { name: 'depthwise, same', x: [2, 7, 6, 3], filter: [3, 3, 3, 1], apply: (x, w) => tf.depthwiseConv2d(x, w, 1, 'same') },
  { name: 'depthwise, multiplier, stride 2', x: [2, 7, 8, 3], filter: [3, 2, 3, 2], apply: (x, w) => tf.depthwiseConv2d(x, w, 2, 'same') },
  {
    name: 'depthwise, valid, rows left over',
    x: [2, 8, 8, 2],
    filter: [3, 3, 2, 2],
    apply: (x, w) => tf.depthwiseConv2d(x, w, 2, 'valid'),
  },
];

describe('gradients of convolutions of tfjs on WebAssembly', () => {
  it.each(cases)('$name: are those of plain JavaScript', async ({ x, filter, apply }) => {
    const on = async (engine: 'cpu' | 'wasm') => {
      await useEngine(engine);
      const before = tf.memory().numTensors;
      const values = tf.tidy(() => {
        const inputs = [tf.randomNormal(x, 0, 1, 'float32', 1), tf.randomNormal(filter, 0, 1, 'float32', 2)] as [tf.Tensor4D, tf.Tensor4D];
        const weights = tf.randomNormal(apply(...inputs).shape, 0, 1, 'float32', 3);
        const slopes = tf.grads((a, b) => tf.sum(tf.mul(apply(a as tf.Tensor4D, b as tf.Tensor4D), weights)))(inputs);
        return slopes.map((slope) => [...slope.dataSync()]);
      });
      expect(tf.memory().numTensors).toBe(before);
      return values;
    };
    const [expected, got] = [await on('cpu'), await on('wasm')];
    for (const [i, slope] of expected.entries()) {
      expect(got[i]?.length).toBe(slope.length);
      for (const [j, value] of slope.entries()) expect(Math.abs((got[i]?.[j] as number) - value)).toBeLessThan(1e-4);
    }
  });
});
