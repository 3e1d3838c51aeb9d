import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as ops from './index.ts';

let tensorsBefore = 0;
beforeAll(() => ops.useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

/** Loss and gradient of x as plain numbers. */
function differentiate(x: tf.Tensor, loss: (x: tf.Tensor) => tf.Scalar): { loss: number; slopes: number[] } {
  const { value, gradients } = ops.gradients(() => ({ loss: loss(x) }), [x]);
  const found = { loss: value.loss.dataSync()[0] as number, slopes: [...(gradients[0] as tf.Tensor).dataSync()] };
  tf.dispose([x, value, gradients] as tf.TensorContainer);
  return found;
}

describe('similarityLoss', () => {
  const sameClass = () => tf.tensor2d([[1, 1, -1 / 9], [1, 1, -1 / 9], [-1 / 9, -1 / 9, 1]]); // biome-ignore format: a matrix

  it.each([
    ['equal rows', [[1, 0, 0], [1, 0, 0], [1, 0, 0]], 0.548697],
    ['rows at right angles', [[1, 0, 0], [0, 1, 0], [0, 0, 1]], 0.227709],
  ])('of three pictures of two in ten classes, %s', (_, rows, expected) => {
    const targets = sameClass();
    const { loss } = differentiate(tf.tensor2d(rows), (x) => ops.similarityLoss(x, targets));
    expect(loss).toBeCloseTo(expected, 6);
    targets.dispose();
  }); // biome-ignore format: matrices
});

describe('supervisedContrast', () => {
  it.each([
    [4, 1.098612],
    [1024, 6.930495],
  ])('of %i equal rows is the logarithm of the others', (n, expected) => {
    const labels = tf.zeros<tf.Rank.R1>([n], 'int32');
    const { loss } = differentiate(tf.tensor2d(new Float32Array(2 * n).fill(Math.SQRT1_2), [n, 2]), (x) =>
      ops.supervisedContrast(x, labels),
    );
    expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-4);
    labels.dispose();
  });

  it('counts a row without positives as 0, and still divides by all', () => {
    const labels = tf.tensor1d([0, 0, 1], 'int32');
    const rows = [[1, 0], [1, 0], [0, 1]]; // biome-ignore format: a matrix
    const { loss } = differentiate(tf.tensor2d(rows), (x) => ops.supervisedContrast(x, labels, { temperature: 1 }));
    // Two anchors see their positive at cosine 1 and the third row at 0.
    expect(loss).toBeCloseTo((2 / 3) * Math.log(1 + Math.exp(-1)), 6);
    labels.dispose();
  });

  it('of a batch of one is 0, without gradient', () => {
    const labels = tf.tensor1d([3], 'int32');
    const { loss, slopes } = differentiate(tf.tensor2d([[0.6, 0.8]]), (x) => ops.supervisedContrast(x, labels));
    expect([Math.abs(loss), ...slopes.map(Math.abs)]).toEqual([0, 0, 0]);
    labels.dispose();
  });
});

describe('where a plain formula would divide by zero', () => {
  it('a row of zeros stays one and has no gradient', () => {
    for (const center of [false, true]) {
      const { loss, slopes } = differentiate(
        tf.tensor2d([
          [0, 0, 0],
          [1, 2, 2],
        ]),
        (x) => tf.sum(tf.mul(ops.normalizeRows(x, { center, epsilon: 1e-8 }), [1, 2, 4])) as tf.Scalar,
      );
      expect(loss).toBeGreaterThan(0);
      expect(slopes.slice(0, 3)).toEqual([0, 0, 0]);
      expect(slopes.slice(3).every((slope) => Number.isFinite(slope) && slope !== 0)).toBe(true);
    }
  });

  it('a channel without spread has no gradient, though its deviation is 0', () => {
    const x = tf.tidy(() => tf.concat([tf.fill([1, 2, 2, 1], 0.3), tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1])], 3));
    const { loss, slopes } = differentiate(x, (y) => tf.sum(ops.spatialDeviation(y)) as tf.Scalar);
    expect(loss).toBeCloseTo(Math.sqrt(5 / 3), 6);
    expect(slopes.filter((_, i) => i % 2 === 0)).toEqual([0, 0, 0, 0]);
  });
});

it('what does not fit is named', () => {
  const codeOf = (f: () => unknown) => {
    try {
      f();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'no error';
  };
  tf.tidy(() => {
    const [rows, labels] = [tf.zeros([2, 3]), tf.zeros([2], 'int32')];
    const wrongShape = [
      () => ops.spatialDeviation(tf.zeros([2, 1, 1, 4])),
      () => ops.spatialDeviation(rows),
      () => ops.normalizeRows(tf.zeros([2, 3, 4])),
      () => ops.similarityLoss(rows, tf.zeros([2, 3])),
      () => ops.supervisedContrast(rows, tf.zeros([3], 'int32')),
      () => ops.supervisedContrast(rows, tf.zeros([2])),
    ];
    for (const call of wrongShape) expect(codeOf(call), call.toString()).toBe('MAN_OPS_SHAPE');
    expect(codeOf(() => ops.supervisedContrast(rows, labels, { temperature: 0 }))).toBe('MAN_OPS_OPTION');
  });
});
