import { createRng } from '@man/base';
import { countValues, cutIntoBlocks, type Network } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { resnet, resnet20, resnet32, resnet44, resnet56, resnet110 } from './index.ts';

const all = ({ units, classifier }: Network) => [...units, classifier];
const parameters = (network: Network) => all(network).reduce((sum, unit) => sum + countValues(unit.parameters()), 0);
const macs = (network: Network) => all(network).reduce((sum, unit) => sum + (unit.macs?.() ?? 0), 0);
const dispose = (network: Network) => {
  for (const unit of all(network)) unit.dispose();
};

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('resnet', () => {
  it.each([
    [resnet32(), 466_906, 69_124_736],
    [resnet110(), 1_730_714, 253_149_824],
    [resnet32({ inputShape: [96, 96, 3] }), 466_906, 622_117_504],
    [resnet110({ inputShape: [96, 96, 3] }), 1_730_714, 2_278_343_296],
  ])('has the published parameters and MACs: $name', (backbone, expectedParameters, expectedMacs) => {
    const network = backbone.build(createRng(1));
    expect(parameters(network)).toBe(expectedParameters);
    expect(macs(network)).toBe(expectedMacs);
    dispose(network);
  });

  it('has the published parameters in each kind of unit', () => {
    const network = resnet32().build(createRng(1));
    const count = (name: string) =>
      countValues(
        all(network)
          .find((unit) => unit.name === name)!
          .parameters(),
      );
    const expected = { stem: 464, 'stage1.unit0': 4672, 'stage2.unit0': 14_528, 'stage2.unit4': 18_560, 'stage3.unit0': 57_728, 'stage3.unit1': 73_984, classifier: 650 }; // biome-ignore format: one line
    for (const [name, size] of Object.entries(expected)) expect(count(name), name).toBe(size);
    dispose(network);
  });

  it('is cut into the published blocks', () => {
    const network = resnet32().build(createRng(1));
    const shapes = cutIntoBlocks(resnet32(), network, { blocks: 8 }).map(({ units, outputShape }) => [units.length, outputShape.join('×')]);
    expect(shapes).toEqual([
      [2, '32×32×16'],
      [2, '32×32×16'],
      [2, '32×32×16'],
      [2, '16×16×32'],
      [2, '16×16×32'],
      [2, '8×8×64'],
      [2, '8×8×64'],
      [2, '8×8×64'],
    ]);
    const finest = cutIntoBlocks(resnet32(), network, { blocks: 16 });
    expect(finest.map(({ units }) => units.length)).toEqual(Array(16).fill(1));
    expect(finest[0]!.units[0].name).toBe('stem');
    expect(cutIntoBlocks(resnet32(), network, { blocks: 16, stem: 'merge' }).map(({ units }) => units.length)).toEqual([
      2,
      ...Array(14).fill(1),
    ]);
    dispose(network);
  });

  it('is cut into the published blocks of ResNet-110', () => {
    const network = resnet110().build(createRng(1));
    const sizes = (blocks: number) => cutIntoBlocks(resnet110(), network, { blocks }).map(({ units }) => units.length);
    expect(sizes(32)).toEqual([3, 1, 2, 1, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2, 2, 2, 1, 2, 1, 2, 2, 1, 2, 1, 2, 2, 2, 2, 2]);
    expect(sizes(55)).toEqual(Array(55).fill(1));
    dispose(network);
  });

  it('is cut as released code does where asked', () => {
    const network = resnet32().build(createRng(1));
    const sizes = (blocks: number, split: string) => cutIntoBlocks(resnet32(), network, { blocks, split }).map(({ units }) => units.length);
    expect(sizes(16, 'release')).toEqual([2, ...Array(14).fill(1)]);
    expect(sizes(8, 'manpp')).toEqual([1, 1, 2, 2, 2, 2, 2, 2, 2]);
    expect(sizes(8, 'auglocal')).toEqual([...Array(7).fill(1), 9]);
    dispose(network);
    expect(resnet110().splits?.manpp?.[32]).toHaveLength(32);
    expect(resnet110().splits?.release?.[55]).toHaveLength(53);
  });

  it('offers the finest cut for every depth', () => {
    for (const [backbone, blocks] of [[resnet20(), 10], [resnet44(), 22], [resnet56(), 28]] as const) // biome-ignore format: one line
      expect(Object.keys(backbone.partitions)).toEqual([`${blocks}`]);
  });

  it('starts as He does: convolutions of variance 2 / (9 · filters), unit batch norms', () => {
    const network = resnet32().build(createRng(3));
    const unit = network.units[14]!;
    const weights = unit.parameters()['conv1.weight']!.dataSync<'float32'>();
    const variance = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    expect(variance / (2 / (9 * 64))).toBeGreaterThan(0.95);
    expect(variance / (2 / (9 * 64))).toBeLessThan(1.05);
    expect([...unit.parameters()['bn1.weight']!.dataSync()]).toEqual(Array(64).fill(1));
    dispose(network);
  });

  it('passes relu(h) through a unit whose convolutions are zero', () => {
    const network = resnet({ depth: 8, width: 4, inputShape: [6, 6, 3] }).build(createRng(1));
    const unit = network.units[1]!;
    for (const [name, variable] of Object.entries(unit.parameters()))
      if (name.includes('conv')) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
    tf.tidy(() => {
      const x = tf.randomNormal([2, 6, 6, 4]);
      expect([...unit.apply(x, true).dataSync()]).toEqual([...tf.relu(x).dataSync()]);
    });
    dispose(network);
  });

  it.each([{ depth: 33 }, { depth: 2 }, { depth: 8, width: 0 }, { depth: 8, classes: 1 }, { depth: 8, inputShape: [32, 32] }])(
    'refuses %j',
    (options) => {
      expect(() => resnet(options)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^MAN_RESNET_/) }));
    },
  );
});
