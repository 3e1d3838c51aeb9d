import { createRng } from '@man/base';
import type { LocalBlock, Network, Unit } from '@man/core';
import { linear } from '@man/nn';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { linearProbes, logisticRegression, predictLogistic } from './index.ts';
import { fixture, sourceOf } from './testing.ts';

const { x, labels, penalty, free, decayed } = fixture.classification;

beforeAll(() => useEngine('auto'));

describe('logisticRegression', () => {
  it('finds what scikit-learn finds', () => {
    const model = logisticRegression(x, labels, { penalty });
    expect(model.converged).toBe(true);
    model.weight.forEach((value, i) => {
      expect(value).toBeCloseTo(free.weight[i] as number, 4);
    });
    // A shift common to all classes changes nothing.
    const shift = (bias: ArrayLike<number>) => Array.from(bias, (value) => value - (bias[0] as number));
    shift(model.bias).forEach((value, i) => {
      expect(value).toBeCloseTo(shift(free.bias)[i] as number, 4);
    });
    const half = (penalty / 2) * free.weight.reduce((sum, w) => sum + w * w, 0);
    expect(model.loss).toBeCloseTo(free.crossEntropy + half, 8);
    expect([...predictLogistic(model, x)]).toEqual(free.predicted);
  });

  it('says when it did not get there', () => {
    expect(logisticRegression(x, labels, { penalty, maxIterations: 2 })).toMatchObject({ converged: false, iterations: 2 });
  });

  it('refuses what is not rows with labels', () => {
    expect(() => logisticRegression(x.slice(1), labels)).toThrow(/a multiple of 60 numbers/);
    expect(() => logisticRegression([1, 2], [0, 1.5])).toThrow(/labels 0, 1/);
    expect(() => logisticRegression(x, labels, { penalty: -1 })).toThrow(/penalty/);
    expect(() => predictLogistic(logisticRegression(x, labels), [1, 2, 3])).toThrow(/rows of 4 numbers/);
  });
});

/** Two units, of which the first hands on what it is given and the second forgets it. */
function network(): Network {
  const passes = (name: string, apply: Unit['apply']): Unit => ({
    name,
    inputShape: [1, 1, 4],
    outputShape: [1, 1, 4],
    apply(x, training) {
      expect(training).toBe(false);
      return apply(x, training);
    },
    parameters: () => ({}),
    buffers: () => ({}),
    clone: (other) => passes(other, apply),
    dispose() {},
  });
  return {
    units: [passes('same', (x) => tf.clone(x)), passes('empty', (x) => tf.zerosLike(x))],
    classifier: linear({ features: 3 })({ name: 'classifier', inputShape: [4], rng: createRng(3) }),
  };
}

describe('linearProbes', () => {
  const source = sourceOf(x, [1, 1, 4], labels, 60);

  it('learns what scikit-learn finds on the same features', async () => {
    const net = network();
    const before = tf.memory().numTensors;
    const results = await linearProbes(net, null, source, source, { epochs: 500, learningRate: 0.3, weightDecay: penalty });
    expect(tf.memory().numTensors).toBe(before);
    const [same, empty] = results;
    expect(same).toMatchObject({ unit: 'same', accuracy: decayed.accuracy });
    expect(same?.loss).toBeCloseTo(decayed.crossEntropy, 4);
    // Nothing to learn from but how often each class comes.
    const shares = [0, 1, 2].map((label) => labels.filter((other) => other === label).length / labels.length);
    expect(empty?.accuracy).toBeCloseTo(Math.max(...shares), 6);
    net.classifier.dispose();
  });

  it('probes the ends of blocks only, and refuses options out of range', async () => {
    const net = network();
    const blocks = [{ index: 0, units: net.units, outputShape: [1, 1, 4] }] as unknown as LocalBlock[];
    const results = await linearProbes(net, blocks, source, source, { epochs: 1 });
    expect(results.map(({ unit }) => unit)).toEqual(['empty']);
    await expect(linearProbes(net, null, source, source, { epochs: 0 })).rejects.toThrow(/epochs to be a whole number/);
    const nothing = sourceOf([], [1, 1, 4], [], 4);
    await expect(linearProbes(net, null, nothing, source)).rejects.toMatchObject({ code: 'MAN_ANALYSIS_NO_DATA' });
    net.classifier.dispose();
  });
});
