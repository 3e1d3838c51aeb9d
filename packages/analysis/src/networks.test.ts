import { createRng } from '@man/base';
import type { Network } from '@man/core';
import { basicUnit, buildNetwork, conv2d, globalAveragePool, linear, relu, sequential } from '@man/nn';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { featureMaps, layerSimilarity, linearCka } from './index.ts';
import { sourceOf } from './testing.ts';

const classifier = sequential({ pool: globalAveragePool(), linear: linear({ features: 3 }) });
const convolved = sequential({ conv: conv2d({ filters: 5, kernel: 3, padding: 1 }), relu: relu() });
const pixels = Array.from({ length: 10 * 6 * 6 * 3 }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i * 0.01));
const labels = Array.from({ length: 10 }, (_, i) => i % 3);

function build(seed: number): Network {
  const plans = [
    { name: 'stem', stage: 0, factory: convolved },
    { name: 'stage1.unit0', stage: 1, factory: basicUnit({ filters: 5 }) },
  ];
  return buildNetwork(createRng(seed), [6, 6, 3], plans, classifier);
}

function dispose({ units, classifier: last }: Network) {
  for (const unit of [...units, last]) unit.dispose();
}

beforeAll(() => useEngine('auto'));

describe('layerSimilarity', () => {
  it('compares the outputs of all layers over batches', async () => {
    const [one, other] = [build(1), build(2)];
    const before = tf.memory().numTensors;
    const source = sourceOf(pixels, [6, 6, 3], labels, 10);
    const { layers, similarity, examples } = await layerSimilarity(one, other, source, { estimator: 'biased' });
    expect(tf.memory().numTensors).toBe(before);
    expect(layers[0]).toEqual(['stem', 'stage1.unit0', 'classifier']);
    expect(examples).toBe(10);
    const images = tf.tensor(pixels, [10, 6, 6, 3]);
    const [a, b] = [one, other].map(({ units }) => units[1]!.apply(units[0].apply(images, false), false)) as [tf.Tensor, tf.Tensor];
    expect(similarity[1]?.[1]).toBeCloseTo(linearCka(a, b), 5);
    const pooled = await layerSimilarity(one, other, source, { estimator: 'biased', features: 'pooled' });
    expect(pooled.similarity[1]?.[1]).toBeCloseTo(linearCka(tf.mean(a, [1, 2]), tf.mean(b, [1, 2])), 5);
    const itself = await layerSimilarity(one, one, source);
    expect(itself.similarity[0]?.[0]).toBeCloseTo(1, 5);
    dispose(one);
    dispose(other);
  });

  it('leaves out a last batch that is too small, and needs one that is not', async () => {
    const net = build(1);
    const { examples } = await layerSimilarity(net, net, sourceOf(pixels, [6, 6, 3], labels, 8));
    expect(examples).toBe(8);
    await expect(layerSimilarity(net, net, sourceOf(pixels, [6, 6, 3], labels, 2))).rejects.toMatchObject({ code: 'MAN_ANALYSIS_NO_DATA' });
    dispose(net);
  });
});

describe('featureMaps', () => {
  it('stretches the mean and the first channels of a unit', () => {
    const net = build(1);
    const images = tf.tensor(pixels, [10, 6, 6, 3]);
    const before = tf.memory().numTensors;
    const maps = featureMaps(net, images, { unit: 'stem', channels: 2 });
    expect(tf.memory().numTensors).toBe(before);
    expect(maps.length).toBe(10);
    const stem = net.units[0].apply(images, false).arraySync() as number[][][][];
    const expected = (pick: (values: number[]) => number) => {
      const flat = stem[3]!.flat().map(pick);
      const [low, high] = [Math.min(...flat), Math.max(...flat)];
      return flat.map((value) => (value - low) / (high - low));
    };
    const close = (map: Float32Array | undefined, values: number[]) => {
      for (const [i, value] of values.entries()) expect(map?.[i]).toBeCloseTo(value, 5);
    };
    expect(maps[3]).toMatchObject({ height: 6, width: 6 });
    expect(maps[3]?.channels.length).toBe(2);
    close(
      maps[3]?.channels[1],
      expected((values) => values[1] as number),
    );
    close(
      maps[3]?.mean,
      expected((values) => values.reduce((a, b) => a + b) / 5),
    );
    expect(featureMaps(net, images, { unit: 'stem' })[0]?.channels.length).toBe(5);
    dispose(net);
  });

  it('makes a constant map zero', () => {
    const net = build(1);
    const maps = featureMaps(net, tf.zeros([2, 6, 6, 3]), { unit: 'stem' });
    expect(maps.flatMap(({ mean, channels }) => [mean, ...channels]).every((map) => map.every((value) => value === 0))).toBe(true);
    dispose(net);
  });

  it('says which units there are', () => {
    const net = build(1);
    const images = tf.zeros([2, 6, 6, 3]);
    const fault = (options: Parameters<typeof featureMaps>[2]) => () => featureMaps(net, images, options);
    expect(fault({ unit: 'stage1.unit1' })).toThrow(/'stage1.unit1'/);
    expect(fault({ unit: 'stem', channels: -1 })).toThrow(/channels/);
    const flat: Network = { ...net, units: [net.units[0], net.classifier] };
    expect(() => featureMaps(flat, images, { unit: 'classifier' })).toThrow(/\[3\]/);
    dispose(net);
  });
});
