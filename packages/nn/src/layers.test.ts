import { createRng } from '@man/base';
import { countValues } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  adaptiveAveragePool,
  averagePool,
  basicUnit,
  batchNorm,
  bottleneckUnit,
  conv2d,
  defineUnit,
  dropout,
  flatten,
  globalAveragePool,
  linear,
  maxPool,
  relu,
  resize,
  sequential,
  type UnitFactory,
} from './index.ts';

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
    ['linear without bias', linear({ features: 3, bias: false }), [4], [3], 12, 12],
    ['averagePool', averagePool({ size: [4, 2] }), [8, 6, 3], [2, 3, 3], 0, 0],
    ['averagePool with zeros around', averagePool({ size: 4, padding: [2, 0] }), [6, 8, 3], [2, 2, 3], 0, 0],
    ['adaptiveAveragePool', adaptiveAveragePool(2), [7, 5, 3], [2, 2, 3], 0, 0],
    ['adaptiveAveragePool to the same size', adaptiveAveragePool([7, 5]), [7, 5, 3], [7, 5, 3], 0, 0],
    ['flatten', flatten(), [2, 3, 4], [24], 0, 0],
    ['maxPool', maxPool({ size: 2 }), [7, 6, 3], [3, 3, 3], 0, 0],
    ['maxPool of an ImageNet stem', maxPool({ size: 3, stride: 2, padding: 1 }), [8, 7, 3], [4, 4, 3], 0, 0],
    ['dropout', dropout(0.5), [5, 2], [5, 2], 0, 0],
    ['basicUnit', basicUnit({ filters: 4 }), [5, 5, 4], [5, 5, 4], 2 * 9 * 16 + 16, 25 * 2 * 9 * 16],
    ['bottleneckUnit', bottleneckUnit({ filters: 8, stride: 2, groups: 2 }), [5, 5, 4], [3, 3, 8], 8 + 18 + 16 + 32 + 2 * (2 + 2 + 8 + 8), 25 * 8 + 9 * (18 + 16 + 32)], // biome-ignore format: one line
  ])('%s: shapes, parameters, MACs', (_, factory, inputShape, outputShape, parameters, macs) => {
    const unit = at(factory, inputShape);
    expect(unit.outputShape).toEqual(outputShape);
    expect(countValues(unit.parameters())).toBe(parameters);
    expect(unit.macs?.()).toBe(macs);
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

  it('dropout drops in training only, scales what stays, and goes on where a copy of its state stands', () => {
    const unit = at(dropout(0.25), [4000]);
    tf.tidy(() => {
      const x = tf.ones([2, 4000]);
      expect([...unit.apply(x, false).dataSync()]).toEqual(Array(8000).fill(1));
      const [first, second] = [unit.apply(x, true).dataSync(), unit.apply(x, true).dataSync()];
      expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
      expect(first.filter((value) => value === 0).length / 8000).toBeCloseTo(0.25, 1);
      expect(second).not.toEqual(first);
      const other = at(dropout(0.25), [4000]);
      other.buffers().draws!.assign(tf.scalar(1));
      expect(other.apply(x, true).dataSync()).toEqual(second);
      other.dispose();
    });
    unit.dispose();
  });

  it('convolutions and linear layers start as they are told', () => {
    const convolution = at(conv2d({ filters: 3, kernel: 1, bias: 'zeros' }), [2, 2, 2]);
    expect([...convolution.parameters().bias!.dataSync()]).toEqual([0, 0, 0]);
    const unit = at(linear({ features: 50, init: { deviation: 0.01 } }), [100]);
    const weights = unit.parameters().weight!.dataSync<'float32'>();
    expect(Math.sqrt(weights.reduce((sum, value) => sum + value * value, 0) / 5000)).toBeCloseTo(0.01, 3);
    expect([...unit.parameters().bias!.dataSync()]).toEqual(Array(50).fill(0));
    convolution.dispose();
    unit.dispose();
  });

  it('tell what the way back keeps: what convolutions give, and a normalised activation where a stack ends', () => {
    const layers = { conv: conv2d({ filters: 4, kernel: 3, padding: 1 }), bn: batchNorm(), relu: relu() };
    const stem = at(sequential({ ...layers, pool: maxPool({ size: 2 }) }), [6, 6, 3]);
    expect(stem.activations?.()).toBe(2 * 36 * 4 + 9 * 4);
    const twice = at(sequential({ first: sequential(layers), second: conv2d({ filters: 2, kernel: 1 }) }), [6, 6, 3]);
    expect(twice.activations?.()).toBe(2 * 36 * 4 + 36 * 2);
    const unit = at(basicUnit({ filters: 8, stride: 2 }), [6, 6, 4]);
    expect(unit.activations?.()).toBe(4 * 9 * 8);
    for (const one of [stem, twice, unit]) one.dispose();
  });

  it('linear starts at zero where asked, but for its bias', () => {
    const [zero, drawn] = [at(linear({ features: 3, init: 'zero' }), [4]), at(linear({ features: 3 }), [4])];
    expect([...zero.parameters().weight!.dataSync()]).toEqual(Array(12).fill(0));
    expect(zero.parameters().bias!.dataSync()).toEqual(drawn.parameters().bias!.dataSync());
    zero.dispose();
    drawn.dispose();
  });

  it('flatten puts channels last', () => {
    const unit = at(flatten(), [1, 2, 3]);
    tf.tidy(() => {
      expect(unit.apply(tf.range(0, 6).reshape([1, 1, 2, 3]), true).arraySync()).toEqual([[0, 1, 2, 3, 4, 5]]);
    });
    unit.dispose();
  });

  it('a resize in front of any convolution gives what both give one by one', () => {
    for (const kernel of [1, 3]) {
      const convolution = conv2d({ filters: 4, kernel, padding: (kernel - 1) / 2 });
      const whole = at(sequential({ first: conv2d({ filters: 3, kernel: 1 }), resize: resize([6, 8]), conv: convolution, bn: batchNorm() }), [3, 4, 2]); // biome-ignore format: one line
      const first = at(conv2d({ filters: 3, kernel: 1 }), [3, 4, 2]);
      const second = at(sequential({ conv: convolution, bn: batchNorm() }), [6, 8, 3]);
      const enlarge = at(resize([6, 8]), [3, 4, 3]);
      tf.tidy(() => {
        const weights = whole.parameters();
        first.parameters().weight!.assign(weights['first.weight']!.clone());
        for (const [name, variable] of Object.entries(second.parameters())) variable.assign(weights[name]!.clone());
        const x = tf.randomNormal([2, 3, 4, 2]);
        const oneByOne = second.apply(enlarge.apply(first.apply(x, true), true), true);
        expect(tf.max(tf.abs(tf.sub(whole.apply(x, true), oneByOne))).dataSync()[0]).toBeLessThan(1e-5);
      });
      for (const unit of [whole, first, second, enlarge]) unit.dispose();
    }
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

  it('explain wrong shapes and options', () => {
    expect(codeOf(() => conv2d({ filters: 0, kernel: 3 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => conv2d({ filters: 2, kernel: 3, padding: -1 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(conv2d({ filters: 4, kernel: 3, groups: 2 }), [5, 5, 3]))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(conv2d({ filters: 4, kernel: 7 }), [4, 4, 3]))).toBe('MAN_NN_SHAPE');
    expect(codeOf(() => linear({ features: 1.5 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => linear({ features: 2, init: 'ones' as 'zero' }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => linear({ features: 2, init: { deviation: 0 } }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => averagePool({ size: 0 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => maxPool({ size: 3, padding: 2 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => maxPool({ size: 2, stride: 0 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(maxPool({ size: 4 }), [3, 8, 1]))).toBe('MAN_NN_SHAPE');
    expect(codeOf(() => dropout(1))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => averagePool({ size: 2, padding: -1 }))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => adaptiveAveragePool([2, 0.5]))).toBe('MAN_NN_OPTION');
    expect(codeOf(() => at(adaptiveAveragePool(2), [4]))).toBe('MAN_NN_SHAPE');
    expect(codeOf(() => at(averagePool({ size: 4 }), [3, 8, 1]))).toBe('MAN_NN_SHAPE');
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
