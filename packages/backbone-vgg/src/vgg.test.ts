import { createRng, type Rng } from '@man/base';
import { type Backbone, countValues, cutIntoBlocks, type Network } from '@man/core';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vgg, vgg11, vgg13, vgg16, vgg19 } from './index.ts';

const all = ({ units, classifier }: Network) => [...units, classifier];
const dispose = (network: Network) => {
  for (const unit of all(network)) unit.dispose();
};
const sum = (network: Network, value: (unit: Network['classifier']) => number) =>
  all(network).reduce((total, unit) => total + value(unit), 0);
const parameters = (network: Network) => sum(network, (unit) => countValues(unit.parameters()));
const withNetwork = (backbone: Backbone, check: (network: Network) => void, rng = undrawn) => {
  const network = backbone.build(rng);
  check(network);
  dispose(network);
};
/** The classifier of full width holds 119 million weights, which are not drawn here. */
const narrow = { width: 8, hidden: 16, classes: 5, inputShape: [32, 32, 3] };

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

describe('vgg', () => {
  // The classifier's own weights at full width, and what they are here: 25,088 · 4,096 + 4,096² + 4,096 · 1,000 and biases.
  const full = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000 + 2 * 4096 + 1000;
  const small = 25_088 * 2 + 2 * 2 + 2 * 1000 + 2 * 2 + 1000;
  it.each([
    [vgg11, true, 132_868_840],
    [vgg13, true, 133_053_736],
    [vgg13, false, 133_047_848],
    [vgg16, true, 138_365_992],
    [vgg19, true, 143_678_248],
  ])('has the published parameters: %o, batch norm %j', (make, batchNorm, expected) => {
    withNetwork(make({ hidden: 2, batchNorm }), (network) => expect(parameters(network) - small + full).toBe(expected));
  });

  it('has the published MACs, and one convolution in each of 10 blocks', () => {
    const backbone = vgg13({ hidden: 2 });
    withNetwork(backbone, (network) => {
      const [here, published] = [25_088 * 2 + 4 + 2000, 25_088 * 4096 + 4096 * 4096 + 4096 * 1000];
      expect(sum(network, (unit) => unit.macs?.() ?? 0) - here + published).toBe(11_308_466_176);
      const blocks = cutIntoBlocks(backbone, network, { blocks: 10 });
      expect(blocks.map(({ units }) => units.length)).toEqual(Array(10).fill(1));
      expect(blocks.map(({ outputShape }) => outputShape.join('×'))).toEqual([
        '224×224×64', '224×224×64', '112×112×128', '112×112×128', '56×56×256', '56×56×256', '28×28×512', '28×28×512', '14×14×512', '14×14×512',
      ]); // biome-ignore format: one line
    });
  });

  it('starts with biases of 0 and linear layers of deviation 0.01', () => {
    withNetwork(
      vgg13(narrow),
      ({ units, classifier }) => {
        expect(new Set(units[3]!.parameters()['conv.bias']!.dataSync())).toEqual(new Set([0]));
        const weights = classifier.parameters()['fc1.weight']!.dataSync<'float32'>();
        expect(Math.sqrt(weights.reduce((total, value) => total + value * value, 0) / weights.length)).toBeCloseTo(0.01, 3);
        expect(new Set(classifier.parameters()['fc1.bias']!.dataSync())).toEqual(new Set([0]));
      },
      createRng(1),
    );
  });

  it('drops hidden values in training, where asked', () => {
    const logits = (network: Network, x: tf.Tensor, training: boolean) =>
      tf.tidy(() => [...network.classifier.apply(x, training).dataSync()]);
    const x = tf.randomNormal([2, 2, 2, 64]);
    for (const dropout of [0, 0.5])
      withNetwork(
        vgg13({ ...narrow, dropout }),
        (network) => {
          const [evaluated, first, second] = [false, true, true].map((training) => logits(network, x, training).join());
          expect([first === evaluated, first === second]).toEqual(dropout === 0 ? [true, true] : [false, false]);
        },
        createRng(1),
      );
    x.dispose();
  });

  it.each([
    { depth: 12 },
    { depth: 13, dropout: 1 },
    { depth: 13, inputShape: [16, 16, 3] },
    { depth: 13, hidden: 0 },
    { depth: 13, classes: 1 },
  ])('refuses %j', (options) => {
    expect(() => vgg(options)).toThrow(expect.objectContaining({ code: 'MAN_VGG_OPTION' }));
  });
});
