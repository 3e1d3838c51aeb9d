import { createRng, type Rng } from '@man/base';
import { type Backbone, countValues, cutIntoBlocks, type Network, type PartitionOptions } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { imageNetResNet, resnet18, resnet34, resnet50, resnet101, resnet152 } from './index.ts';

const all = ({ units, classifier }: Network) => [...units, classifier];
const dispose = (network: Network) => {
  for (const unit of all(network)) unit.dispose();
};

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

describe('imageNetResNet', () => {
  // Parameters are torchvision's and, for 101 and 152 layers, InfoPro's and MAN's.
  it.each([
    [resnet18, 11_689_512, 1_814_073_344],
    [resnet34, 21_797_672, 3_663_761_408],
    [resnet50, 25_557_032, 4_089_184_256],
  ])('has the published parameters and MACs: %o', (make, parameters, macs) => {
    expect(countsOf(make())).toEqual([parameters, macs]);
  });

  it('has the published parameters and MACs with 101 layers, and the published blocks', () => {
    const backbone = resnet101();
    const network = backbone.build(undrawn);
    expect(counts(network)).toEqual([44_549_160, 7_801_405_440]);
    const parametersOf = (name: string) => countValues(network.units.find((unit) => unit.name === name)!.parameters());
    expect([parametersOf('stage2.unit1'), parametersOf('stage3.unit1')]).toEqual([280_064, 1_117_184]);
    const sizes = (options: PartitionOptions) => sizesOf(backbone, network, options);
    expect(sizes({ blocks: 2 })).toEqual([4, 29]);
    expect(sizes({ blocks: 4 })).toEqual([8, 9, 8, 8]);
    expect(sizes({ blocks: 4, split: 'manpp' })).toEqual([6, 10, 8, 9]);
    const shapes = cutIntoBlocks(backbone, network, { blocks: 4 }).map(({ outputShape }) => outputShape.join('×'));
    expect(shapes).toEqual(['14×14×1024', '14×14×1024', '14×14×1024', '7×7×2048']);
    dispose(network);
  });

  it('has the published parameters and MACs with 152 layers, and the published blocks', () => {
    const backbone = resnet152();
    const network = backbone.build(undrawn);
    expect(counts(network)).toEqual([60_192_808, 11_513_626_624]);
    const sizes = (options: PartitionOptions) => sizesOf(backbone, network, options);
    expect(sizes({ blocks: 2 })).toEqual([9, 41]);
    expect(sizes({ blocks: 4 })).toEqual([12, 9, 8, 21]);
    expect(sizes({ blocks: 4, split: 'manpp' })).toEqual([10, 15, 12, 13]);
    dispose(network);
  });

  it('is made narrower, for other pictures and classes', () => {
    const network = imageNetResNet({ depth: 50, width: 4, inputShape: [64, 48, 1], classes: 5 }).build(createRng(1));
    expect(network.units.at(-1)!.outputShape).toEqual([2, 2, 128]);
    tf.tidy(() => {
      const features = all(network).reduce((x, unit) => unit.apply(x, true), tf.randomNormal([2, 64, 48, 1]) as tf.Tensor);
      expect(features.shape).toEqual([2, 5]);
    });
    dispose(network);
  });

  it.each([{ depth: 32 }, { depth: 18, width: 0.5 }, { depth: 18, classes: 1 }, { depth: 18, inputShape: [224, 224] }])(
    'refuses %j',
    (options) => {
      expect(() => imageNetResNet(options)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^MAN_RESNET_/) }));
    },
  );
});

function counts(network: Network): [number, number] {
  const sum = (value: (unit: Network['classifier']) => number) => all(network).reduce((total, unit) => total + value(unit), 0);
  return [sum((unit) => countValues(unit.parameters())), sum((unit) => unit.macs?.() ?? 0)];
}

function countsOf(backbone: Backbone): [number, number] {
  const network = backbone.build(undrawn);
  const result = counts(network);
  dispose(network);
  return result;
}

/** Units per block, the stem not counted. */
function sizesOf(backbone: Backbone, network: Network, options: PartitionOptions): number[] {
  return cutIntoBlocks(backbone, network, options).map(({ units }) => units.filter(({ name }) => name !== 'stem').length);
}
