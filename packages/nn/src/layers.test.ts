import { createRng } from '@man/base';
import { countValues } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { batchNorm, conv2d, defineUnit, globalAveragePool, linear, relu, sequential, type UnitFactory } from './index.ts';

const at = (factory: UnitFactory, inputShape: readonly number[], seed = 1) => factory({ name: 'unit', inputShape, rng: createRng(seed) });
const codeOf = (f: () => unknown) => {
  try {
    f();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('layers', () => {
  it.each<[string, UnitFactory, number[], number[], number, number]>([
    ['conv2d', conv2d({ filters: 8, kernel: 3, stride: 2, padding: 1 }), [7, 6, 4], [4, 3, 8], 3 * 3 * 4 * 8, 4 * 3 * 9 * 4 * 8],
    ['conv2d with bias', conv2d({ filters: 8, kernel: 1, bias: true }), [5, 5, 4], [5, 5, 8], 4 * 8 + 8, 25 * 4 * 8],
    ['grouped conv2d', conv2d({ filters: 8, kernel: 3, groups: 4 }), [5, 5, 4], [3, 3, 8], 9 * 1 * 8, 9 * 9 * 8],
    ['batchNorm', batchNorm(), [5, 5, 4], [5, 5, 4], 8, 0],
    ['relu', relu(), [5, 5, 4], [5, 5, 4], 0, 0],
    ['globalAveragePool', globalAveragePool(), [5, 5, 4], [4], 0, 0],
    ['linear', linear({ features: 3 }), [4], [3], 15, 12],
  ])('%s: shapes, parameters, MACs', (_, factory, inputShape, outputShape, parameters, macs) => {
    const unit = at(factory, inputShape);
    expect(unit.outputShape).toEqual(outputShape);
    expect(countValues(unit.parameters())).toBe(parameters);
    expect(unit.macs?.()).toBe(macs);
    for (const training of [true, false]) {
      tf.tidy(() => {
        expect(unit.apply(tf.randomNormal([2, ...inputShape]), training).shape).toEqual([2, ...outputShape]);
      });
    }
    unit.dispose();
  });

  it('batchNorm moves its running statistics in training only, and uses them in evaluation', () => {
    const unit = at(batchNorm(), [1, 1, 1]);
    const { running_mean: mean, running_var: variance } = unit.buffers();
    tf.tidy(() => {
      const x = tf.tensor4d([1, 2, 3, 6], [4, 1, 1, 1]);
      unit.apply(x, false);
      expect(mean!.dataSync()[0]).toBe(0);
      unit.apply(x, true);
      // 0.1 of the mean 3; 0.9 of 1 and 0.1 of the unbiased variance 14/3.
      expect(mean!.dataSync()[0]).toBeCloseTo(0.3, 6);
      expect(variance!.dataSync()[0]).toBeCloseTo(0.9 + 0.1 * (14 / 3), 5);
      const [first] = unit.apply(x, false).dataSync();
      expect(first).toBeCloseTo((1 - 0.3) / Math.sqrt(0.9 + 1.4 / 3 + 1e-5), 5);
    });
    unit.dispose();
  });

  it('sequential names variables after its parts and passes shapes along', () => {
    const unit = at(
      sequential({ conv: conv2d({ filters: 2, kernel: 3 }), bn: batchNorm(), pool: globalAveragePool(), out: linear({ features: 5 }) }),
      [4, 4, 3],
    );
    expect(Object.keys(unit.parameters())).toEqual(['conv.weight', 'bn.weight', 'bn.bias', 'out.weight', 'out.bias']);
    expect(Object.keys(unit.buffers())).toEqual(['bn.running_mean', 'bn.running_var']);
    expect(unit.outputShape).toEqual([5]);
    unit.dispose();
  });

  it('draws each parameter from its own stream: a layer more changes nothing elsewhere', () => {
    const short = at(sequential({ a: linear({ features: 3 }), b: linear({ features: 2 }) }), [4]);
    const long = at(sequential({ a: linear({ features: 3 }), extra: relu(), b: linear({ features: 2 }) }), [4]);
    for (const name of Object.keys(short.parameters()))
      expect(long.parameters()[name]!.dataSync()).toEqual(short.parameters()[name]!.dataSync());
    short.dispose();
    long.dispose();
  });

  it('clones copies that share nothing, and fresh ones', () => {
    const unit = at(sequential({ bn: batchNorm(), out: linear({ features: 2 }) }), [3]);
    tf.tidy(() => unit.buffers()['bn.running_mean']!.assign(tf.tensor1d([1, 2, 3])));
    const [copy, fresh] = [unit.clone('copy', 'copy'), unit.clone('fresh', createRng(2))];
    expect([...copy.buffers()['bn.running_mean']!.dataSync()]).toEqual([1, 2, 3]);
    expect(copy.parameters()['out.weight']!.dataSync()).toEqual(unit.parameters()['out.weight']!.dataSync());
    expect(fresh.parameters()['out.weight']!.dataSync()).not.toEqual(unit.parameters()['out.weight']!.dataSync());
    for (const one of [unit, copy, fresh]) one.dispose();
  });

  it('explain wrong shapes and options', () => {
    expect(codeOf(() => conv2d({ filters: 0, kernel: 3 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => conv2d({ filters: 2, kernel: 3, padding: -1 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(conv2d({ filters: 4, kernel: 3, groups: 2 }), [5, 5, 3]))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(conv2d({ filters: 4, kernel: 7 }), [4, 4, 3]))).toBe('MAN_NN_SHAPE');
    expect(codeOf(() => linear({ features: 1.5 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(conv2d({ filters: 2, kernel: 3 }), [4]))).toBe('MAN_NN_SHAPE');
    expect(codeOf(() => at(linear({ features: 2 }), [4, 4, 1]))).toBe('MAN_NN_SHAPE');
    const unit = at(relu(), [3]);
    tf.tidy(() => {
      expect(codeOf(() => unit.apply(tf.zeros([2, 4]), true))).toBe('MAN_NN_SHAPE');
    });
    let builds = 0;
    const fickle = at(
      (site) =>
        defineUnit(site, () => ({ outputShape: [3], parameters: { [`w${builds++}`]: tf.variable(tf.scalar(1)) }, apply: (x) => x })),
      [3],
    );
    expect(codeOf(() => fickle.clone('twin', 'copy'))).toBe('MAN_NN_CLONE');
    fickle.dispose();
    tf.disposeVariables();
    tensorsBefore = tf.memory().numTensors;
  });
});
