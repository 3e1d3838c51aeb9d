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

const codeOf = (f: () => unknown) => {
  try {
    f();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

describe('gradients', () => {
  it('agree with finite differences along random directions', () => {
    const x = normal([3, 7, 6, 4], 1);
    const inputs = {
      filter: normal([3, 3, 2, 6], 2),
      weight: normal([6], 3),
      bias: normal([6], 4),
      matrix: normal([6, 5], 5),
      shift: normal([5], 6),
    };
    const labels = tf.tensor1d([1, 4, 0], 'int32');
    const targets = tf.randomUniform([3, 5], 0, 1, 'float32', 7);
    const statistics = { runningMean: tf.zeros([6]), runningVariance: tf.ones([6]) };
    const loss = ({ filter, weight, bias, matrix, shift }: typeof inputs) =>
      tf.tidy(() => {
        const convolved = ops.conv2d(x, filter, { stride: 2, padding: 1, groups: 2 });
        // tanh instead of ReLU: differences over a kink would be wrong.
        const { y } = ops.batchNormTraining(convolved, { weight, bias, ...statistics });
        const small = ops.adaptiveAveragePool(ops.resizeBilinear(tf.tanh(y), [7, 5]), 3);
        const logits = ops.linear(ops.globalAveragePool(ops.averagePool(small, 2, { stride: 1 })), matrix, shift);
        return ops.weightedSum([ops.softmaxCrossEntropy(logits, labels), ops.sigmoidCrossEntropy(logits, targets)], [1, 0.5]);
      });
    const names = Object.keys(inputs) as (keyof typeof inputs)[];
    const { value, gradients } = ops.gradients(() => ({ loss: loss(inputs) }), names.map((name) => inputs[name])); // biome-ignore format: one line
    names.forEach((name, i) => {
      const [analytic, numeric] = tf.tidy(() => {
        const direction = normal(inputs[name].shape, 50 + i);
        const at = (step: number) => loss({ ...inputs, [name]: tf.add(inputs[name], tf.mul(direction, step)) }).dataSync()[0]!;
        const h = 1e-2;
        return [tf.sum(tf.mul(gradients[i]!, direction)).dataSync()[0]!, (at(h) - at(-h)) / (2 * h)] as unknown as tf.Tensor[];
      }) as unknown as [number, number];
      expect(numeric, name).toBeCloseTo(analytic, 3);
    });
    tf.dispose([x, inputs, labels, targets, statistics, value, gradients] as tf.TensorContainer);
  });

  it('are null where the loss does not depend on a variable, and never computed unasked', () => {
    const [a, b, c] = [normal([2, 3], 1), normal([3, 4], 2), normal([4], 3)];
    const { value, gradients } = ops.gradients(() => ({ loss: tf.sum(ops.linear(a, b, c)) as tf.Scalar }), [c, tf.keep(tf.scalar(1))]);
    expect(gradients[0]!.arraySync()).toEqual([2, 2, 2, 2]);
    expect(gradients[1]).toBeNull();
    tf.dispose([a, b, c, value.loss, gradients[0]!]);
    tf.disposeVariables();
    tensorsBefore = tf.memory().numTensors;
  });

  it('add up where a tensor is used several times, also as both inputs', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const { value, gradients } = ops.gradients(() => ({ loss: tf.sum(tf.add(tf.mul(x, x), ops.add(x, ops.add(x, x)))) as tf.Scalar }), [x]);
    expect(gradients[0]!.arraySync()).toEqual([5, 7, 9]);
    tf.dispose([x, value.loss, gradients as tf.Tensor[]]);
  });

  it('leave what else f returns to the caller', () => {
    const x = tf.tensor1d([1, -2]);
    const { value, gradients } = ops.gradients(() => {
      const features = ops.relu(x);
      return { loss: tf.sum(features) as tf.Scalar, kept: { features, list: [tf.neg(x)] } };
    }, [x]);
    expect(value.kept.features.arraySync()).toEqual([1, 0]);
    expect(value.kept.list[0]!.arraySync()).toEqual([-1, 2]);
    expect(gradients[0]!.arraySync()).toEqual([1, 0]);
    tf.dispose([x, value, gradients] as tf.TensorContainer);
  });

  it('hold less memory than the stock reverse pass', () => {
    const x = normal([32, 16, 16, 8], 1);
    const filters = Array.from({ length: 16 }, (_, i) => ops.createVariable(tf.tidy(() => tf.mul(normal([3, 3, 8, 8], i + 1), 0.1))));
    const loss = () =>
      tf.mean(filters.reduce((h: tf.Tensor, filter) => tf.tidy(() => ops.relu(ops.conv2d(h, filter, { padding: 1 }))), x)) as tf.Scalar;
    const base = tf.memory().numBytes;
    const ours = ops.measurePeakBytes(() => ops.gradients(() => ({ loss: loss() }), filters));
    tf.dispose([ours.result.value, ours.result.gradients] as tf.TensorContainer);
    const stock = ops.measurePeakBytes(() => tf.variableGrads(loss, filters));
    tf.dispose(stock.result);
    tf.dispose([x, filters]);
    expect((ours.peakBytes - base) / (stock.peakBytes - base)).toBeLessThan(0.5);
  });

  it('explain what they cannot do, and leave nothing behind', () => {
    const x = tf.tensor1d([1, 2]);
    expect(codeOf(() => ops.gradients(() => ({ loss: ops.relu(x) as unknown as tf.Scalar }), [x]))).toBe('MAN_OPS_LOSS_NOT_SCALAR');
    expect(codeOf(() => ops.gradients(() => ({}) as { loss: tf.Scalar }, [x]))).toBe('MAN_OPS_LOSS_NOT_SCALAR');
    expect(
      codeOf(() => ops.gradients(() => ({ loss: tf.sum(tf.floorDiv(tf.topk(x, 1).values, tf.tensor1d([2]))) as tf.Scalar }), [x])),
    ).toBe('MAN_OPS_NO_GRADIENT');
    const inside = () => tf.grad((y) => ops.gradients(() => ({ loss: tf.sum(y) as tf.Scalar }), [y]).value.loss)(x);
    expect(codeOf(inside)).toBe('MAN_OPS_NESTED_GRADIENTS');
    expect(() =>
      ops.gradients(() => {
        ops.relu(x);
        throw new RangeError('from f');
      }, [x]),
    ).toThrow('from f');
    x.dispose();
  });
});

describe('operations', () => {
  it('have the known values of the paper’s losses', () => {
    tf.tidy(() => {
      const of = (loss: tf.Scalar) => loss.dataSync()[0];
      expect(of(ops.softmaxCrossEntropy(tf.zeros([4, 10]), tf.zeros([4], 'int32')))).toBeCloseTo(Math.LN10, 5);
      expect(of(ops.softmaxCrossEntropy(tf.zeros([4, 1000]), tf.zeros([4], 'int32')))).toBeCloseTo(6.907755, 5);
      expect(of(ops.sigmoidCrossEntropy(tf.zeros([4, 3]), tf.randomUniform([4, 3])))).toBeCloseTo(Math.LN2, 5);
      expect(of(ops.sigmoidCrossEntropy(tf.tensor1d([1000, -1000]), tf.tensor1d([1, 0])))).toBe(0);
    });
  });

  it('name what does not fit', () => {
    tf.tidy(() => {
      const image = tf.zeros([2, 5, 5, 4]);
      const wrongShape = [
        () => ops.conv2d(tf.zeros([5, 5, 4]), tf.zeros([3, 3, 4, 2])),
        () => ops.conv2d(image, tf.zeros([3, 3, 3, 2])),
        () => ops.conv2d(image, tf.zeros([3, 3, 2, 3]), { groups: 2 }),
        () => ops.conv2d(image, tf.zeros([7, 7, 4, 2])),
        () => ops.linear(tf.zeros([2, 3]), tf.zeros([4, 5]), tf.zeros([5])),
        () => ops.linear(tf.zeros([2, 4]), tf.zeros([4, 5]), tf.zeros([4])),
        () => ops.add(tf.zeros([2]), tf.zeros([3])),
        () => ops.softmaxCrossEntropy(tf.zeros([2, 3]), tf.zeros([2])),
        () => ops.sigmoidCrossEntropy(tf.zeros([2, 3]), tf.zeros([3, 2])),
        () => ops.maxPool(image, 7),
        () => ops.globalAveragePool(tf.zeros([2, 3])),
        () => ops.resizeBilinear(tf.zeros([2, 3]), [4, 4]),
        () => ops.weightedSum([tf.scalar(1)], [1, 2]),
        () => ops.batchNormTraining(image, statisticsOf(3)),
      ];
      for (const call of wrongShape) expect(codeOf(call), call.toString()).toBe('MAN_OPS_SHAPE');
      const wrongOption = [
        () => ops.conv2d(image, tf.zeros([3, 3, 4, 2]), { stride: 0 }),
        () => ops.conv2d(image, tf.zeros([3, 3, 4, 2]), { padding: 0.5 }),
        () => ops.maxPool(image, 2, { padding: 2 }),
      ];
      for (const call of wrongOption) expect(codeOf(call), call.toString()).toBe('MAN_OPS_OPTION');
      expect(codeOf(() => ops.batchNormTraining(tf.zeros([1, 4]), statisticsOf(4)))).toBe('MAN_OPS_BATCH_TOO_SMALL');
    });
  });
});

const statisticsOf = (channels: number) => ({
  weight: tf.ones([channels]),
  bias: tf.zeros([channels]),
  runningMean: tf.zeros([channels]),
  runningVariance: tf.ones([channels]),
});

describe('FlatVariables', () => {
  it('reads what others assign and writes to all', () => {
    const [a, b] = [ops.createVariable(tf.tensor2d([[1, 2]])), ops.createVariable(tf.tensor1d([3]))];
    const flat = new ops.FlatVariables([a, b]);
    expect([...flat.read().dataSync()]).toEqual([1, 2, 3]);
    tf.tidy(() => b.assign(tf.tensor1d([7])));
    expect([...flat.read().dataSync()]).toEqual([1, 2, 7]);
    flat.write(tf.tensor1d([4, 5, 6]));
    expect([a.arraySync(), b.arraySync()]).toEqual([[[4, 5]], [6]]);
    expect([...flat.read().dataSync()]).toEqual([4, 5, 6]);
    flat.dispose();
    tf.dispose([a, b]);
  });

  it('moves averages by 0.995, a hundred times', () => {
    const variable = ops.createVariable(tf.tensor1d([1]));
    const flat = new ops.FlatVariables([variable]);
    const zero = tf.tensor1d([0]);
    for (let i = 0; i < 100; i++) ops.emaUpdate(flat, [zero], 0.995);
    expect(variable.dataSync()[0]).toBeCloseTo(0.60577, 5);
    flat.dispose();
    tf.dispose([variable, zero]);
  });
});
