import { createRng } from '@man/base';
import { type AuxiliaryNetwork, type Batch, createTrainer, disposeBatch, type Trainer, type TrainerPlugin } from '@man/core';
import { batchNorm, conv2d, globalAveragePool, linear, relu, sequential } from '@man/nn';
import { gradients, softmaxCrossEntropy, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMan, type ManOptions, man } from './index.ts';

const IMAGE = [6, 6, 2];

/** Three units (the second halves the resolution and widens) and a classifier. */
const backbone = {
  name: 'tiny',
  inputShape: IMAGE,
  classes: 3,
  partitions: { 3: ['a', 'b'], 2: ['a'] },
  build(rng: ReturnType<typeof createRng>) {
    const unit = (name: string, inputShape: readonly number[], filters: number, stride: number) =>
      sequential({ conv: conv2d({ filters, kernel: 3, padding: 1, stride }), bn: batchNorm(), relu: relu() })({
        name,
        inputShape,
        rng: rng.split(name),
      });
    return {
      units: [unit('a', IMAGE, 4, 1), unit('b', [6, 6, 4], 6, 2), unit('c', [3, 3, 6], 6, 1)] as const,
      classifier: sequential({ pool: globalAveragePool(), linear: linear({ features: 3 }) })({
        name: 'classifier',
        inputShape: [3, 3, 6],
        rng: rng.split('classifier'),
      }),
    };
  },
};

/** Pooling and one linear layer, of whatever features it is given. */
const loss = {
  name: 'linear',
  build({
    featureShape,
    classes,
    rng,
  }: {
    featureShape: readonly number[];
    classes: number;
    rng: ReturnType<typeof createRng>;
  }): AuxiliaryNetwork {
    const head = sequential({ pool: globalAveragePool(), linear: linear({ features: classes }) })({
      name: 'head',
      inputShape: featureShape,
      rng,
    });
    return {
      loss(features, { labels }) {
        const logits = head.apply(features, true) as tf.Tensor2D;
        const total = softmaxCrossEntropy(logits, labels);
        return { total, terms: { classification: total }, logits };
      },
      parameters: () => head.parameters(),
      buffers: () => head.buffers(),
      dispose: () => head.dispose(),
    };
  },
};

const batchOf = (seed: number): Batch => ({
  images: tf.randomNormal([8, ...IMAGE], 0, 1, 'float32', seed + 1),
  labels: tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'),
});

const trainerWith = (plugins: TrainerPlugin[], rate = 0.1, blocks = 3) =>
  createTrainer({ backbone, partition: { blocks }, loss, plugins, schedule: () => rate, seed: 4 });

function steps(trainer: Trainer, n: number): void {
  for (let i = 0; i < n; i++) {
    const batch = batchOf(i);
    trainer.step(batch);
    disposeBatch(batch);
  }
}

const read = (trainer: Trainer, name: string) => [...trainer.variables()[name]!.dataSync()];
const set = (trainer: Trainer, name: string, value: number) =>
  tf.tidy(() => trainer.variables()[name]!.assign(tf.fill(trainer.variables()[name]!.shape, value)));

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('man', () => {
  it('gives every block but the last an EMA copy and a trained copy of the next block’s first unit', () => {
    const trainer = trainerWith([man()]);
    const names = Object.keys(trainer.variables()).filter((name) => /aux\..*conv/.test(name));
    expect(names.sort()).toEqual(['aux.0.bias.conv.weight', 'aux.0.ema.conv.weight', 'aux.1.bias.conv.weight', 'aux.1.ema.conv.weight']);
    for (const [copy, unit] of [['aux.0.ema', 'b'], ['aux.0.bias', 'b'], ['aux.1.ema', 'c']] as const) // biome-ignore format: one line
      expect(read(trainer, `${copy}.conv.weight`)).toEqual(read(trainer, `${unit}.conv.weight`));
    // The head is built for what comes out of the copies: at the border of a stage, six channels instead of four.
    expect(trainer.variables()['aux.0.linear.weight']!.shape).toEqual([6, 3]);
    trainer.dispose();
  });

  it('starts its copies independently where asked', () => {
    const trainer = trainerWith([man({ init: 'independent' })]);
    const [unit, ema, bias] = ['b', 'aux.0.ema', 'aux.0.bias'].map((name) => read(trainer, `${name}.conv.weight`).join());
    expect(new Set([unit, ema, bias]).size).toBe(3);
    trainer.dispose();
  });

  it('moves the EMA copy by the rule γ ← m·γ + (1 - m)·θ, and never trains it', () => {
    // Learning rate 0: θ stands still, so γ is known after every step.
    const trainer = trainerWith([man({ momentum: 0.995 })], 0);
    set(trainer, 'aux.0.ema.conv.weight', 1);
    for (const [theta, expected] of [
      [0, 0.995],
      [0.5, 0.992525],
      [1, 0.992562375],
    ] as const) {
      // biome-ignore format: one line
      set(trainer, 'b.conv.weight', theta);
      steps(trainer, 1);
      expect(read(trainer, 'aux.0.ema.conv.weight')[0]).toBeCloseTo(expected, 6);
    }
    trainer.dispose();
  });

  it('reads the weights after the optimiser’s step, or before it', () => {
    const [after, before] = [trainerWith([man({ momentum: 0 })]), trainerWith([man({ momentum: 0, when: 'before-step' })])];
    steps(after, 1);
    expect(read(after, 'aux.0.ema.conv.weight')).toEqual(read(after, 'b.conv.weight'));
    const start = read(before, 'b.conv.weight');
    steps(before, 1);
    expect(read(before, 'aux.0.ema.conv.weight')).toEqual(start);
    expect(read(before, 'b.conv.weight')).not.toEqual(start);
    after.dispose();
    before.dispose();
  });

  it('with momentum 1 stands still, with a half-life moves half way', () => {
    const [fixed, halved] = [trainerWith([man({ momentum: 1 })]), trainerWith([man({ halfLife: 2 })], 0)];
    const start = read(fixed, 'aux.0.ema.conv.weight');
    steps(fixed, 2);
    expect(read(fixed, 'aux.0.ema.conv.weight')).toEqual(start);
    set(halved, 'aux.0.ema.conv.weight', 1);
    set(halved, 'b.conv.weight', 0);
    steps(halved, 2);
    expect(read(halved, 'aux.0.ema.conv.weight')[0]).toBeCloseTo(0.5, 6);
    fixed.dispose();
    halved.dispose();
  });

  it('updates every n-th step where asked', () => {
    const trainer = trainerWith([man({ momentum: 0, updateEvery: 3 })]);
    const start = read(trainer, 'aux.0.ema.conv.weight');
    steps(trainer, 2);
    expect(read(trainer, 'aux.0.ema.conv.weight')).toEqual(start);
    steps(trainer, 1);
    expect(read(trainer, 'aux.0.ema.conv.weight')).toEqual(read(trainer, 'b.conv.weight'));
    trainer.dispose();
  });

  it('switched off is the baseline, bit for bit', () => {
    const [off, none] = [trainerWith([man({ ema: false, bias: 'none' })]), trainerWith([])];
    steps(off, 3);
    steps(none, 3);
    for (const name of Object.keys(none.variables())) expect(read(off, name), name).toEqual(read(none, name));
    off.dispose();
    none.dispose();
  });

  it('does nothing to end-to-end training', () => {
    const [withMan, without] = [trainerWith([man()], 0.1, 1), trainerWith([], 0.1, 1)];
    steps(withMan, 2);
    steps(without, 2);
    expect(Object.keys(withMan.variables())).toEqual(Object.keys(without.variables()));
    expect(read(withMan, 'a.conv.weight')).toEqual(read(without, 'a.conv.weight'));
    withMan.dispose();
    without.dispose();
  });

  it.each<[string, ManOptions, string[]]>([
    ['ema only', { bias: 'none' }, ['aux.0.linear.bias', 'aux.0.linear.weight']],
    [
      'bias only',
      { ema: false },
      ['aux.0.bias.bn.bias', 'aux.0.bias.bn.weight', 'aux.0.bias.conv.weight', 'aux.0.linear.bias', 'aux.0.linear.weight'],
    ],
    ['channel bias', { bias: 'channel' }, ['aux.0.bias', 'aux.0.linear.bias', 'aux.0.linear.weight']],
    [
      'gated',
      { mix: 'gated' },
      ['aux.0.bias.bn.bias', 'aux.0.bias.bn.weight', 'aux.0.bias.conv.weight', 'aux.0.gate', 'aux.0.linear.bias', 'aux.0.linear.weight'],
    ],
  ])('trains exactly its own parameters: %s', (_, options, expected) => {
    const trained = new Map<number, string[]>();
    const spy: TrainerPlugin = {
      name: 'spy',
      afterBackward({ block, variables, gradients: slopes }) {
        trained.set(block.index, Object.keys(variables).filter((name, i) => slopes[i] !== null && name.startsWith('aux.'))); // biome-ignore format: one line
      },
    };
    const trainer = trainerWith([spy, man(options)]);
    steps(trainer, 1);
    expect(trained.get(0)!.sort()).toEqual(expected);
    trainer.dispose();
  });

  it('sends gradients through both copies into the features', () => {
    // With two copies of equal weights the features' gradient is twice that of one copy.
    const trainer = trainerWith([man()]);
    const unit = trainer.network.units[1]!;
    tf.tidy(() => {
      const x = tf.randomNormal<tf.Rank.R4>([4, 6, 6, 4]);
      const slope = (f: () => tf.Tensor) => gradients(() => ({ loss: tf.sum(f()) as tf.Scalar }), [x]).gradients[0]!;
      const weights = tf.randomNormal([4, 3, 3, 6]);
      const one = slope(() => tf.mul(unit.apply(x, true), weights));
      const two = slope(() => tf.mul(tf.add(unit.apply(x, true), unit.apply(x, true)), weights));
      expect(tf.max(tf.abs(tf.sub(two, tf.mul(one, 2)))).dataSync()[0]).toBeLessThan(1e-5);
    });
    trainer.dispose();
  });

  it.each<[ManOptions, string]>([
    [{ momentum: 1.5 }, 'MAN_PLUGIN_OPTION'],
    [{ halfLife: 0 }, 'MAN_PLUGIN_OPTION'],
    [{ momentum: 0.9, halfLife: 3 }, 'MAN_PLUGIN_CONFLICT'],
    [{ bias: 'vector' as 'channel' }, 'MAN_PLUGIN_OPTION'],
    [{ mix: 'gated', bias: 'none' }, 'MAN_PLUGIN_CONFLICT'],
    [{ bias: 'channel', ema: false }, 'MAN_PLUGIN_CONFLICT'],
    [{ updateEvery: 0.5 }, 'MAN_PLUGIN_OPTION'],
  ])('refuses %j', (options, code) => {
    expect(() => man(options)).toThrow(expect.objectContaining({ code }));
  });
});

describe('createMan', () => {
  it('hides its EMA copy from tfjs’s own optimisers', () => {
    const network = backbone.build(createRng(1));
    const m = createMan();
    const aux = m.attach({ first: network.units[1], name: 'block1', rng: createRng(2), aux: (featureShape) => loss.build({ featureShape, classes: 3, rng: createRng(3) }) }); // biome-ignore format: one line
    expect(() => createMan({ init: 'independent' }).attach({ first: network.units[1], name: 'b', aux: () => aux })).toThrow(
      expect.objectContaining({ code: 'MAN_PLUGIN_CONFLICT' }),
    );
    const batch = batchOf(0);
    const before = [...aux.buffers()['ema.conv.weight']!.dataSync()];
    const optimizer = tf.train.sgd(0.1);
    const cost = optimizer.minimize(() => aux.loss(network.units[0].apply(batch.images, true), batch).total, true);
    expect([...aux.buffers()['ema.conv.weight']!.dataSync()]).toEqual(before);
    m.update();
    expect(cost!.dataSync()[0]).toBeGreaterThan(0);
    expect(() => m.attach({ first: network.units[1], name: 'block1', rng: createRng(2), aux: () => aux })).toThrow(
      expect.objectContaining({ code: 'MAN_PLUGIN_NAME' }),
    );
    tf.dispose(cost!);
    optimizer.dispose();
    disposeBatch(batch);
    aux.dispose();
    for (const unit of [...network.units, network.classifier]) unit.dispose();
  });
});
