import { createRng } from '@man/base';
import type { AuxSite, Batch, CutSite, LocalBlock } from '@man/core';
import { countValues } from '@man/core';
import { gradients, useEngine } from '@man/ops';
import { lossConformance, runConformance } from '@man/testkit';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { planPooling, predsim } from './index.ts';

function siteOf(featureShape: readonly number[], classes = 10): AuxSite {
  const unit = { name: 'unit' } as unknown as LocalBlock['units'][0];
  const block = (index: number): LocalBlock => ({ index, units: [unit], outputShape: featureShape });
  return {
    block: block(0),
    next: block(1),
    following: [unit],
    featureShape,
    imageShape: [32, 32, 3],
    classes,
    depth: 16,
    rng: createRng(1),
  };
}

const batchOf = (labels: number[]): Batch => ({ images: tf.zeros([labels.length, 1]), labels: tf.tensor1d(labels, 'int32') });

function setWeight(variable: tf.Variable | undefined, values: (shape: number[]) => tf.Tensor): void {
  tf.tidy(() => variable?.assign(values(variable.shape)));
}

beforeAll(() => useEngine('auto'));

describe('planPooling', () => {
  it.each<[shape: number[], target: number, window: number[], padding: number[]]>([
    [[32, 32, 16], 512, [8, 4], [0, 0]],
    [[16, 16, 32], 512, [4, 4], [0, 0]],
    [[8, 8, 64], 512, [4, 2], [0, 0]],
    [[96, 96, 16], 512, [32, 16], [0, 0]],
    [[48, 48, 32], 512, [16, 16], [0, 0]],
    [[24, 24, 64], 512, [16, 8], [8, 0]],
    [[32, 32, 16], 4096, [2, 2], [0, 0]],
    [[8, 8, 64], 4096, [1, 1], [0, 0]],
    [[7, 7, 600], 512, [8, 8], [4, 4]],
  ])('%j to %i values: windows of %j', (shape, target, window, padding) => {
    expect(planPooling(shape, target)).toEqual({ window, padding });
  });
});

describe.each([{ featureShape: [8, 8, 4] }, { featureShape: [9, 4] }, { featureShape: [9] }])('predsim of features %j', (options) => {
  runConformance(
    lossConformance(() => predsim(), options),
    { test },
  );
});

describe('predsim', () => {
  // Counts of the modules of the method's authors, with AugLocal's pooling.
  it.each([
    [[32, 32, 16], 7434],
    [[16, 16, 32], 14_346],
    [[8, 8, 64], 41_994],
    [[64], 64 * 10 + 10 + 64 * 64],
  ])('has the published number of parameters behind features of %j', (shape, size) => {
    const aux = predsim().build(siteOf(shape));
    expect(countValues(aux.parameters())).toBe(size);
    aux.dispose();
  });

  it('counts its multiplications', () => {
    const aux = predsim().build(siteOf([16, 16, 32]));
    expect(aux.macs?.()).toBe(512 * 10 + 16 * 16 * 9 * 32 * 32);
    aux.dispose();
  });

  it.each([
    [[6, 6, 5], {}],
    [[1, 1, 8], {}],
    [[4, 4, 3], { poolTarget: 4 }],
    [[12], {}],
    [[9, 6], { poolTarget: 12 }],
  ])('costs ln 10 where its prediction says nothing, behind %j', (shape, options) => {
    const aux = predsim({ ...options, init: 'zero' }).build(siteOf(shape));
    setWeight(aux.parameters()['prediction.linear.bias'], (s) => tf.zeros(s));
    const [features, batch] = [tf.randomNormal([4, ...shape]), batchOf([0, 1, 1, 9])];
    const { total, terms, logits } = aux.loss(features, batch);
    expect(terms.classification?.dataSync()[0]).toBeCloseTo(Math.log(10), 5);
    const similarity = terms.similarity?.dataSync()[0] as number;
    expect(similarity).toBeGreaterThan(0);
    expect(total.dataSync()[0]).toBeCloseTo(0.01 * Math.log(10) + 0.99 * similarity, 5);
    tf.dispose([total, terms, logits, features, batch.images, batch.labels] as tf.TensorContainer);
    aux.dispose();
  });

  it('measures equal examples of two classes and one other: 0.548697', () => {
    const aux = predsim().build(siteOf([4, 4, 6]));
    tf.tidy(() => {
      const features = tf.tile(tf.randomNormal([1, 4, 4, 6], 0, 1, 'float32', 3), [3, 1, 1, 1]);
      expect(aux.loss(features, batchOf([0, 0, 1])).terms.similarity?.dataSync()[0]).toBeCloseTo(0.548697, 5);
    });
    aux.dispose();
  });

  it('passes no NaN back from features without any spread', () => {
    const aux = predsim().build(siteOf([4, 4, 6]));
    const features = tf.variable(tf.zeros([3, 4, 4, 6]));
    const batch = batchOf([0, 1, 2]);
    const { value, gradients: slopes } = gradients(
      () => ({ loss: aux.loss(features, batch).total }),
      [features, ...Object.values(aux.parameters())],
    );
    for (const slope of slopes) expect(slope?.dataSync().every(Number.isFinite)).toBe(true);
    tf.dispose([value, slopes, features, batch.images, batch.labels] as unknown as tf.TensorContainer);
    aux.dispose();
  });

  it.each([
    [0, ['classification']],
    [1, ['similarity']],
  ])('leaves out a term whose weight is 0: β = %i', (beta, expected) => {
    const aux = predsim({ beta }).build(siteOf([4, 4, 6]));
    tf.tidy(() => {
      const { total, terms } = aux.loss(tf.randomNormal([3, 4, 4, 6]), batchOf([0, 1, 2]));
      expect(Object.keys(terms)).toEqual(expected);
      expect(total.dataSync()[0]).toBeCloseTo(Object.values(terms)[0]?.dataSync()[0] as number, 6);
    });
    aux.dispose();
  });

  it('refuses what it cannot serve', () => {
    const option = expect.objectContaining({ code: 'MAN_PREDSIM_OPTION' });
    expect(() => predsim({ beta: 1.5 })).toThrow(option);
    expect(() => predsim({ beta: Number.NaN })).toThrow(option);
    expect(() => predsim({ poolTarget: 0 })).toThrow(option);
    expect(() => predsim({ init: 'ones' as 'zero' })).toThrow(option);
    expect(() => predsim().build(siteOf([2, 2, 2, 4]))).toThrow(expect.objectContaining({ code: 'MAN_PREDSIM_SHAPE' }));
    const cut = (featureShape: number[]) => ({ featureShape }) as unknown as CutSite;
    expect(predsim().objection?.(cut([8, 8, 4]))).toBeNull();
    expect(predsim().objection?.(cut([16]))).toBeNull();
    expect(predsim().objection?.(cut([2, 2, 2, 4]))).toBe(
      'takes pictures, tokens or flat features, and is given features of shape [2,2,2,4]',
    );
  });
});
