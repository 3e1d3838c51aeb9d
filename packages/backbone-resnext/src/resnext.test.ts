import { createRng, type Rng } from '@man/base';
import { countValues, cutIntoBlocks, type Network, type PartitionOptions } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resnext, resnext50, resnext101 } from './index.ts';

const all = ({ units, classifier }: Network) => [...units, classifier];
const dispose = (network: Network) => {
  for (const unit of all(network)) unit.dispose();
};
const sum = (network: Network, value: (unit: Network['classifier']) => number) =>
  all(network).reduce((total, unit) => total + value(unit), 0);
const counts = (network: Network) => [sum(network, (unit) => countValues(unit.parameters())), sum(network, (unit) => unit.macs?.() ?? 0)];

/** Draws nothing: for counting, which needs no values. */
const undrawn: Rng = { ...createRng(1), split: () => undrawn, normal: (out) => out, uniform: (out) => out };

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('resnext', () => {
  it('has the published parameters and MACs as 101 32x8d, and the published blocks', () => {
    const backbone = resnext101();
    const network = backbone.build(undrawn);
    expect(backbone.name).toBe('resnext101_32x8d');
    expect(counts(network)).toEqual([88_791_336, 16_414_015_488]);
    const parametersOf = (name: string) => countValues(network.units.find((unit) => unit.name === name)!.parameters());
    expect([parametersOf('stage2.unit1'), parametersOf('stage3.unit1')]).toEqual([601_088, 2_398_208]);
    const sizes = (options: PartitionOptions) =>
      cutIntoBlocks(backbone, network, options).map(({ units }) => units.filter(({ name }) => name !== 'stem').length);
    expect(sizes({ blocks: 2 })).toEqual([4, 29]);
    expect(sizes({ blocks: 2, split: 'infopro' })).toEqual([6, 27]);
    expect(sizes({ blocks: 4 })).toEqual([8, 9, 8, 8]);
    expect(sizes({ blocks: 4, split: 'manpp' })).toEqual([6, 10, 8, 9]);
    dispose(network);
  });

  it('has the published parameters and MACs as 50 32x4d', () => {
    const network = resnext50().build(undrawn);
    expect(counts(network)).toEqual([25_028_904, 4_230_479_872]);
    dispose(network);
  });

  it('keeps groups apart: a channel changes its own group only', () => {
    const backbone = resnext({ depth: 50, width: 4, groups: 2, widthPerGroup: 2, inputShape: [32, 32, 3], classes: 5 });
    const network = backbone.build(undrawn);
    const filter = network.units[1]!.parameters()['conv2.weight']!;
    expect(filter.shape).toEqual([3, 3, 2, 4]);
    tf.tidy(() => {
      const features = all(network).reduce((x, unit) => unit.apply(x, true), tf.randomNormal([2, 32, 32, 3]) as tf.Tensor);
      expect(features.shape).toEqual([2, 5]);
    });
    dispose(network);
  });

  it.each([
    { depth: 18 },
    { depth: 50, groups: 0 },
    { depth: 50, classes: 1 },
    { depth: 50, inputShape: [9] },
    { depth: 50, widthPerGroup: 1.5 },
  ])('refuses %j', (options) => {
    expect(() => resnext(options)).toThrow(expect.objectContaining({ code: 'MAN_RESNEXT_OPTION' }));
  });
});
