import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCka, linearCka } from './index.ts';
import { fixture } from './testing.ts';

const { x, y, shapes, ...expected } = fixture.similarity;
const rows = (values: readonly number[], [n, width]: readonly [number, number], from = 0, to = n) =>
  tf.tensor2d([...values.slice(from * width, to * width)], [to - from, width]);

let before = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  before = tf.memory().numTensors;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(tf.memory().numTensors).toBe(before);
});

describe('linearCka', () => {
  it('is that of numpy', () => {
    const [a, b] = [rows(x, shapes[0]), rows(y, shapes[1])];
    expect(linearCka(a, b)).toBeCloseTo(expected.biased, 5);
    expect(linearCka(b, a)).toBeCloseTo(expected.biased, 5);
    expect(linearCka(a, b, { estimator: 'unbiased' })).toBeCloseTo(expected.unbiased, 5);
  });

  it('is 1 for features turned round and scaled, and 48/49 for 1, 2, 3 and 1, 4, 9', () => {
    const a = rows(x, shapes[0]);
    expect(linearCka(a, tf.mul(a, -2))).toBeCloseTo(1, 6);
    expect(linearCka(tf.tensor2d([1, 2, 3], [3, 1]), tf.tensor2d([1, 4, 9], [3, 1]))).toBeCloseTo(48 / 49, 6);
  });

  it('takes pictures of features', () => {
    const a = rows(x, shapes[0]);
    expect(linearCka(tf.reshape(a, [24, 5, 4, 2]), rows(y, shapes[1]))).toBeCloseTo(expected.biased, 5);
  });

  it('refuses what cannot be compared', () => {
    const a = rows(x, shapes[0]);
    expect(() => linearCka(a, rows(y, shapes[1], 0, 20))).toThrow(/\[24, …\], got \[20,5\]/);
    expect(() => linearCka(tf.zeros([3, 2]), tf.zeros([3, 2]), { estimator: 'unbiased' })).toThrow(/at least 4/);
    expect(() => linearCka(a, a, { estimator: 'best' as 'biased' })).toThrow(/'biased' or 'unbiased'/);
  });
});

describe('createCka', () => {
  const collected = (estimator: 'biased' | 'unbiased', cuts: readonly number[]) => {
    const cka = createCka({ estimator });
    cuts.forEach((end, i) => {
      const start = cuts[i - 1] ?? 0;
      const [a, b] = [rows(x, shapes[0], start, end), rows(y, shapes[1], start, end)];
      cka.add([a, b], [b, a]);
    });
    return cka.result();
  };

  it('adds up mini-batches as numpy does, of equal and of different sizes', () => {
    expect(collected('unbiased', [8, 16, 24])[0]?.[0]).toBeCloseTo(expected.batches, 5);
    expect(collected('unbiased', [16, 24])[0]?.[0]).toBeCloseTo(expected.uneven, 5);
    expect(collected('biased', [8, 16, 24])[0]?.[0]).toBeCloseTo(expected.biasedBatches, 5);
  });

  it('compares all pairs of layers', () => {
    const [[ab, aa], [bb, ba]] = collected('unbiased', [8, 16, 24]) as [[number, number], [number, number]];
    expect(aa).toBeCloseTo(1, 6);
    expect(bb).toBeCloseTo(1, 6);
    expect(ba).toBeCloseTo(ab, 6);
  });

  it('wants the same layers every time', () => {
    const cka = createCka();
    const a = rows(x, shapes[0]);
    cka.add([a], [a]);
    expect(() => cka.add([a, a], [a])).toThrow(/1 and 1 layers as before, got 2 and 1/);
  });
});
