import { readFileSync } from 'node:fs';
import { isManError } from '@man/base';
import { constant, createTrainer, type Evaluation, type Run, sgd, type TrainerPlugin } from '@man/core';
import { createVariable, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { clipGradients, type EarlyStop, earlyStopping, findLearningRate, weightAverage } from './index.ts';
import { tinyBackbone, tinySource } from './testing.ts';

/** Numbers of PyTorch; tools/peer/extras_fixtures.py makes them. */
const torch = JSON.parse(readFileSync(new URL('fixtures/extras.json', import.meta.url), 'utf8')) as {
  readonly clipped: Readonly<Record<'gradients' | 'norm1' | 'norm100' | 'value0.5', readonly [number[], number[]]>>;
  readonly averaged: { readonly weights: readonly number[][]; readonly average: number[] };
};

beforeAll(async () => {
  await useEngine('cpu');
});

const codeOf = (f: () => unknown) => {
  try {
    f();
    return null;
  } catch (error) {
    return isManError(error) ? error.code : error;
  }
};
const close = (got: Iterable<number>, expected: readonly number[], digits = 6) =>
  [...got].forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits);
  });

describe('clipGradients', () => {
  const run = (plugin: TrainerPlugin, gradients: readonly (tf.Tensor | null)[]) =>
    (plugin.afterBackward as (step: unknown) => readonly (tf.Tensor | null)[])({ gradients });
  const [first, second] = torch.clipped.gradients;

  it.each([
    ['norm1', { norm: 1 }],
    ['norm100', { norm: 100 }],
    ['value0.5', { value: 0.5 }],
  ] as const)('clips as PyTorch does: %s', (name, options) => {
    const gradients = [tf.tensor2d(first, [3, 2]), null, tf.tensor1d(second)];
    const [a, none, b] = run(clipGradients(options), gradients);
    expect([a!.shape, none]).toEqual([[3, 2], null]);
    close(a!.dataSync(), torch.clipped[name][0]);
    close(b!.dataSync(), torch.clipped[name][1]);
    tf.dispose([gradients as tf.Tensor[], a!, b!]);
  });

  it('bounds a step of the trainer', async () => {
    const trainer = createTrainer({
      backbone: tinyBackbone(),
      optimizer: sgd({ momentum: 0, nesterov: false, weightDecay: 0 }),
      schedule: constant(1),
      plugins: [clipGradients({ norm: 0.01 })],
    });
    const values = () => Object.values(trainer.networkVariables()).flatMap((variable) => [...variable.dataSync()]);
    const before = values();
    await trainer.fit(tinySource(1), { epochs: 1 });
    // A plain step at rate 1 moves the weights by the clipped gradient: its length is the limit.
    expect(Math.hypot(...values().map((value, i) => value - before[i]!))).toBeCloseTo(0.01, 5);
    trainer.dispose();
  });

  it('wants one limit, above 0', () => {
    expect(codeOf(() => clipGradients({}))).toBe('MAN_EXTRAS_CLIP');
    expect(codeOf(() => clipGradients({ norm: 1, value: 1 }))).toBe('MAN_EXTRAS_CLIP');
    expect(codeOf(() => clipGradients({ norm: 0 }))).toBe('MAN_EXTRAS_OPTION');
    expect(codeOf(() => clipGradients({ value: Number.NaN }))).toBe('MAN_EXTRAS_OPTION');
  });
});

describe('earlyStopping', () => {
  /** Feeds evaluations to the plugin; the epoch after which it stopped, or null. */
  const stopped = (options: Parameters<typeof earlyStopping>[0], values: readonly number[]) => {
    let [at, epoch] = [null as number | null, 0];
    const told: EarlyStop[] = [];
    const plugin = earlyStopping({ ...options, onStop: (stop) => told.push(stop) });
    plugin.setup?.({ stop: () => (at ??= epoch) } as unknown as Run);
    for (const value of values) {
      epoch++;
      if (at === null) plugin.onEpochEnd?.({ epoch, evaluation: { accuracy: value, loss: value } as Evaluation } as never);
    }
    plugin.dispose?.();
    return { at, told };
  };

  it('stops behind so many epochs without improvement', () => {
    expect(stopped({ patience: 2 }, [0.1, 0.3, 0.2, 0.25, 0.9])).toMatchObject({ at: 4, told: [{ epoch: 4, bestEpoch: 2 }] });
    expect(stopped({ patience: 2 }, [0.1, 0.3, 0.2, 0.31, 0.3]).at).toBeNull();
    expect(stopped({ patience: 1, metric: 'loss' }, [2, 1, 1.5]).at).toBe(3);
    expect(stopped({ patience: 1, leastChange: 0.05 }, [0.5, 0.54]).at).toBe(2);
    // The same accuracy twice is no improvement, in whatever precision it is kept.
    expect(stopped({ patience: 1 }, [0.1, 0.1]).at).toBe(2);
  });

  it('ends fit', async () => {
    const trainer = createTrainer({ backbone: tinyBackbone(), schedule: constant(0), plugins: [earlyStopping({ patience: 2 })] });
    expect(await trainer.fit(tinySource(2), { epochs: 9, evaluate: tinySource(2) })).toMatchObject({
      stoppedBy: 'early-stopping',
      epochs: [{}, {}, {}],
    });
    expect([...trainer.variables()['earlyStopping.best']!.dataSync()][1]).toBe(1);
    trainer.dispose();
  });

  it('wants something to look at', async () => {
    const trainer = createTrainer({ backbone: tinyBackbone(), plugins: [earlyStopping()] });
    await expect(trainer.fit(tinySource(1), { epochs: 1 })).rejects.toMatchObject({ code: 'MAN_EXTRAS_NOT_EVALUATED' });
    trainer.dispose();
    for (const options of [{ patience: 0 }, { metric: 'f1' as 'loss' }, { leastChange: -1 }])
      expect(codeOf(() => earlyStopping(options))).toBe('MAN_EXTRAS_OPTION');
  });
});

describe('weightAverage', () => {
  it('averages as PyTorch does', () => {
    const { weights, average } = torch.averaged;
    const weight = createVariable(tf.tensor1d(weights[0]!));
    const plugin = weightAverage({ momentum: 0.9, warmUp: false });
    plugin.setup?.({ network: { weight } } as unknown as Run);
    weights.slice(1).forEach((values, i) => {
      tf.tidy(() => weight.assign(tf.tensor1d(values)));
      plugin.afterStep?.({ step: i + 1, epoch: 1, learningRate: 1, examples: 8 });
    });
    close(plugin.variables().weight!.dataSync(), average);
    plugin.dispose?.();
    weight.dispose();
  });

  it('is what is evaluated, and leaves training as it would be without it', async () => {
    const make = (plugins: TrainerPlugin[]) => createTrainer({ backbone: tinyBackbone(), schedule: constant(0.05), plugins });
    const average = weightAverage({ momentum: 0.95 });
    const [plain, averaged] = [make([]), make([average])];
    await plain.fit(tinySource(3), { epochs: 4, evaluate: tinySource(2) });
    const { epochs } = await averaged.fit(tinySource(3), { epochs: 4, evaluate: tinySource(2) });
    const values = (variables: Readonly<Record<string, tf.Tensor>>) => Object.values(variables).flatMap((each) => [...each.dataSync()]);
    expect(values(averaged.networkVariables())).toEqual(values(plain.networkVariables()));
    expect(values(average.variables())).not.toEqual(values(plain.networkVariables()));
    expect(Object.keys(averaged.variables())).toContain('average.a.linear.weight');
    // Moving the averages into a plain network by hand gives the loss that was reported.
    const held = average.variables();
    for (const [name, variable] of Object.entries(plain.networkVariables())) variable.assign(held[name]!);
    expect((await plain.evaluate(tinySource(2))).loss).toBeCloseTo(epochs.at(-1)!.evaluation!.loss, 6);
    plain.dispose();
    averaged.dispose();
  });

  it('wants a share', () => {
    expect(codeOf(() => weightAverage({ momentum: 1.1 }))).toBe('MAN_EXTRAS_OPTION');
  });
});

describe('findLearningRate', () => {
  const create = () =>
    createTrainer({ backbone: tinyBackbone(), optimizer: sgd({ momentum: 0, nesterov: false, weightDecay: 0 }), schedule: constant(1e-9) });

  it('finds rates at which the loss falls, below those at which it is lowest', async () => {
    const tensors = tf.memory().numTensors;
    const test = await findLearningRate(create, tinySource(3), { from: 1e-4, to: 100, steps: 60 });
    expect(test.points[0]!.learningRate).toBeCloseTo(1e-4, 10);
    expect(test.points[0]!.blocks).toHaveLength(1);
    expect(test.suggestion).toBeGreaterThan(1e-3);
    expect(test.suggestion).toBeLessThan(test.lowest!);
    expect(tf.memory().numTensors).toBe(tensors);
    // Training at the suggestion does what it promises.
    const trainer = createTrainer({ backbone: tinyBackbone(), schedule: constant(test.suggestion!) });
    const { epochs } = await trainer.fit(tinySource(3), { epochs: 5 });
    expect(epochs.at(-1)!.blocks[0]!.loss).toBeLessThan(epochs[0]!.blocks[0]!.loss);
    trainer.dispose();
  });

  it('ends where the loss diverges, at a signal, and where there is no data', async () => {
    const wild = await findLearningRate(create, tinySource(2), { from: 100, to: 1e6, steps: 200 });
    expect(wild.diverged).toBe(true);
    expect(wild.points.length).toBeLessThan(200);
    const none = await findLearningRate(create, { examples: 0, batches: 0, epoch: () => [] });
    expect(none).toEqual({ points: [], suggestion: null, lowest: null, diverged: false });
    expect((await findLearningRate(create, tinySource(2), { signal: AbortSignal.abort() })).points).toHaveLength(1);
    for (const options of [{ from: 0 }, { from: 2, to: 1 }, { steps: 3 }, { smoothing: 1 }, { divergence: 1 }])
      await expect(findLearningRate(create, tinySource(1), options)).rejects.toMatchObject({ code: 'MAN_EXTRAS_OPTION' });
  });
});
