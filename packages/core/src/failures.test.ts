import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalLoss, TrainerPlugin } from './contracts.ts';
import { createTrainer, disposeBatch, sgd, type TrainerOptions } from './index.ts';
import { denseBackbone, denseBatch, denseLoss } from './testing.ts';

let before = 0;
beforeEach(() => {
  before = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
});

const boom = (): never => {
  throw new Error('boom');
};
const local = (options: Partial<TrainerOptions> = {}) =>
  createTrainer({ backbone: denseBackbone(), partition: { blocks: 4 }, loss: denseLoss(), seed: 1, ...options });

/** Fails in the third block's turn, when two blocks are done. */
const inThird = (f: () => unknown) => (event: { block: { index: number } }) => (event.block.index === 2 ? f() : undefined) as undefined;
const doubled: TrainerPlugin = { name: 'doubled', afterBackward: ({ gradients }) => gradients.map((g) => g && tf.mul(g, 2)) };
const failingLoss = (where: (index: number) => boolean): LocalLoss => ({
  name: 'failing',
  build(site) {
    const aux = denseLoss().build(site);
    return { ...aux, loss: (features, batch) => (where(site.block.index) ? boom() : aux.loss(features, batch)) };
  },
});
const noScalar: LocalLoss = {
  name: 'no-scalar',
  build(site) {
    const aux = denseLoss().build(site);
    return { ...aux, loss: (features, batch) => ({ ...aux.loss(features, batch), total: tf.zeros([2]) as unknown as tf.Scalar }) };
  },
};

describe('a step that fails', () => {
  it.each<[string, Partial<TrainerOptions>]>([
    ['in a loss', { loss: failingLoss((index) => index === 2) }],
    ['for a loss that is no number', { loss: noScalar }],
    ['in afterBackward', { plugins: [{ name: 'p', afterBackward: inThird(boom) }] }],
    ['in afterBackward, behind a plugin that replaced gradients', { plugins: [{ name: 'p', afterBackward: inThird(boom) }, doubled] }],
    ['for too few gradients', { plugins: [{ name: 'p', afterBackward: () => [tf.scalar(1)] }, doubled] }],
    ['in afterBlockStep', { plugins: [{ name: 'p', afterBlockStep: inThird(boom) }] }],
    ['in the optimiser', { optimizer: { name: 'o', create: (v) => ({ ...sgd().create(v), apply: boom, dispose: () => {} }) } }],
  ])('%s leaves no tensor behind', (_, options) => {
    const trainer = local(options);
    const batch = denseBatch();
    expect(() => trainer.step(batch)).toThrow();
    // Optimisers' velocities of blocks that were trained before go with the trainer.
    trainer.dispose();
    disposeBatch(batch);
  });
});

describe('a trainer that cannot be made', () => {
  it.each<[string, Partial<TrainerOptions>]>([
    ['a loss', { loss: { name: 'l', build: (site) => (site.block.index === 1 ? boom() : denseLoss().build(site)) } }],
    ['a plugin that throws behind build', { plugins: [{ name: 'p', buildAux: (site, build) => boom() ?? build(site) }] }],
    ['a plugin around a built network', { plugins: [{ name: 'p', buildAux: (site, build) => [build(site), boom()][0] as never }] }],
    ['a plugin that builds twice', { plugins: [{ name: 'p', buildAux: (site, build) => [build(site), build(site)][0] as never }] }],
    ['an optimiser', { optimizer: { name: 'o', create: boom } }],
  ])('for %s leaves no variable behind', (_, options) => {
    expect(() => local(options)).toThrow();
  });
});

describe('dispose', () => {
  it('frees everything and asks every plugin, also where one fails', () => {
    let asked = 0;
    const trainer = local({
      plugins: [
        { name: 'first', dispose: () => void asked++ },
        { name: 'failing', dispose: boom },
      ],
    });
    expect(() => trainer.dispose()).toThrow(expect.objectContaining({ code: 'MAN_CORE_HOOK_FAILED' }));
    expect(asked).toBe(1);
  });
});
