import { createVariable, linear, relu, softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Batch, BatchSource, LocalLoss, TrainerPlugin } from './contracts.ts';
import { constant, createTrainer, disposeBatch, sgd, type TrainerOptions } from './index.ts';
import { denseBackbone, denseBatch, denseLoss } from './testing.ts';

const source: BatchSource = {
  examples: 24,
  batches: 3,
  *epoch(epoch) {
    for (let i = 0; i < 3; i++) yield denseBatch(epoch * 3 + i);
  },
};

const local = (options: Partial<TrainerOptions> = {}) =>
  createTrainer({ backbone: denseBackbone(), partition: { blocks: 4 }, loss: denseLoss(), schedule: constant(0.3), ...options });

function step(trainer: ReturnType<typeof local>, batch: Batch = denseBatch()): void {
  trainer.step(batch);
  disposeBatch(batch);
}

/** The values of all variables, by name. */
const values = (trainer: ReturnType<typeof local>) =>
  Object.fromEntries(Object.entries(trainer.variables()).map(([name, variable]) => [name, [...variable.dataSync()]]));

let tensorsBefore = 0;
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('Trainer', () => {
  it('learns, and reports losses, accuracies, speed and memory', async () => {
    const progress: number[] = [];
    const plugin: TrainerPlugin = { name: 'p', onProgress: (event) => void progress.push(event.steps.length) };
    const trainer = local({ plugins: [plugin], readEvery: 2 });
    const report = await trainer.fit(source, { epochs: 30, evaluate: source });
    const [first, last] = [report.epochs[0]!, report.epochs.at(-1)!];
    expect(report.epochs).toHaveLength(30);
    expect(first.blocks).toHaveLength(4);
    for (const i of [0, 1, 2, 3]) expect(last.blocks[i]!.loss).toBeLessThan(first.blocks[i]!.loss);
    expect(last.blocks[3]!.accuracy).toBeGreaterThan(0.9);
    expect(last.evaluation).toMatchObject({ examples: 24 });
    expect(last.evaluation!.accuracy).toBeGreaterThan(0.9);
    expect(last.peakTensorBytes).toBeGreaterThan(0);
    expect(last.imagesPerSecond).toBeGreaterThan(0);
    expect(last.waiting).toBeLessThanOrEqual(1);
    // Two steps, then the one that is left, in every epoch.
    expect(progress.slice(0, 4)).toEqual([2, 1, 2, 1]);
    trainer.dispose();
  });

  it('isolates blocks: a block trains the same whatever the blocks behind it do', () => {
    const [one, other] = [local(), local({ loss: scaledBehindFirst(denseLoss()) })];
    for (let i = 0; i < 3; i++) for (const trainer of [one, other]) step(trainer, denseBatch(i));
    const [ours, theirs] = [values(one), values(other)];
    for (const name of ['a.weight', 'a.bias', 'aux.0.head.weight']) expect(theirs[name]).toEqual(ours[name]);
    expect(theirs['b.weight']).not.toEqual(ours['b.weight']);
    one.dispose();
    other.dispose();
  });

  it('trains one block as a plain loop over the whole network does, bit for bit', () => {
    const trainer = createTrainer({ backbone: denseBackbone(), optimizer: sgd(), schedule: constant(0.1), seed: 3 });
    const plain = createTrainer({ backbone: denseBackbone(), seed: 3 });
    const names = Object.keys(trainer.variables());
    const variables = Object.values(plain.variables());
    const velocities = variables.map((variable) => createVariable(tf.zerosLike(variable)));
    for (let i = 0; i < 3; i++) {
      step(trainer, denseBatch(i));
      tf.tidy(() => plainStep(variables, velocities, denseBatch(i)));
    }
    const ours = values(trainer);
    names.forEach((name, i) => {
      expect([...variables[i]!.dataSync()], name).toEqual(ours[name]);
    });
    trainer.dispose();
    plain.dispose();
    tf.dispose(velocities);
  });

  it('starts from equal weights for equal seeds, whatever loss and cut', () => {
    const [cut, whole, other] = [local({ seed: 5 }), createTrainer({ backbone: denseBackbone(), seed: 5 }), local({ seed: 6 })];
    for (const name of Object.keys(whole.variables())) {
      expect(values(cut)[name]).toEqual(values(whole)[name]);
    }
    expect(values(other)['a.weight']).not.toEqual(values(cut)['a.weight']);
    for (const trainer of [cut, whole, other]) trainer.dispose();
  });

  it('goes on where it was in a second fit', async () => {
    const [once, twice] = [local(), local()];
    await once.fit(source, { epochs: 4 });
    await twice.fit(source, { epochs: 1 });
    await twice.fit(source, { epochs: 4 });
    expect(values(twice)).toEqual(values(once));
    once.dispose();
    twice.dispose();
  });

  it('ends at a signal with what is finished', async () => {
    const controller = new AbortController();
    const trainer = local({ plugins: [{ name: 'stop', afterStep: ({ step: at }) => void (at === 4 && controller.abort()) }] });
    const report = await trainer.fit(source, { epochs: 9, signal: controller.signal });
    expect(report).toMatchObject({ interrupted: true, epochs: [{ epoch: 1 }] });
    expect(trainer.steps).toBe(4);
    trainer.dispose();
  });

  it('hears of a signal that comes while batches are at hand', async () => {
    const controller = new AbortController();
    const trainer = local();
    setTimeout(() => controller.abort(), 20);
    const report = await trainer.fit(source, { epochs: 100_000, signal: controller.signal });
    expect(report.interrupted).toBe(true);
    trainer.dispose();
  });

  it('stops at a loss that is not finite, naming block, step and term', async () => {
    const trainer = local({ loss: infiniteAt(2), readEvery: 5 });
    await expect(trainer.fit(source, { epochs: 9 })).rejects.toMatchObject({
      code: 'MAN_CORE_NOT_FINITE',
      message: expect.stringMatching(/NaN in block 1, step 2, term 'broken'/),
    });
    trainer.dispose();
  });

  it('describes blocks, counts parameters and names variables', () => {
    const trainer = local();
    const lines = trainer.describe().split('\n');
    expect(lines.at(-2)).toMatch(/all\s+183\s+156\s+63\s+\?/);
    expect(lines.at(-1)).toBe("auxiliary parameters are 34 % of the network's");
    expect(trainer.countParameters()).toEqual({ network: 183, auxiliary: 63 });
    expect(Object.keys(trainer.networkVariables())).toEqual(
      ['a', 'b', 'c', 'd', 'classifier'].flatMap((unit) => [`${unit}.weight`, `${unit}.bias`]),
    );
    trainer.dispose();
  });

  it('tells what the local loss has chosen for its number of blocks', () => {
    const loss: LocalLoss = { ...denseLoss(), describe: (blocks) => `for ${blocks} blocks` };
    const [several, one] = [local({ loss }), createTrainer({ backbone: denseBackbone(), loss })];
    expect(several.describe().split('\n').at(-1)).toBe(`${loss.name}: for ${several.blocks.length} blocks`);
    expect([one.loss, one.describe()]).toEqual([null, expect.not.stringContaining('for')]);
    for (const trainer of [several, one]) trainer.dispose();
  });

  it('takes the rate of a step where one is given', () => {
    const trainer = local();
    const before = values(trainer);
    const batch = denseBatch();
    trainer.step(batch, { learningRate: 0 });
    expect(values(trainer)).toEqual(before);
    expect(trainer.readMetrics()).toMatchObject([{ learningRate: 0 }]);
    disposeBatch(batch);
    trainer.dispose();
  });

  it('keeps no tensors from step to step', () => {
    const trainer = local();
    step(trainer);
    trainer.readMetrics();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) step(trainer);
    trainer.readMetrics();
    expect(tf.memory().numTensors).toBe(before);
    trainer.dispose();
  });

  it('refuses batches it cannot train with', () => {
    const trainer = local();
    const labels = (n: number) => tf.tensor1d(new Array(n).fill(0), 'int32');
    const wrong = [
      { code: 'MAN_CORE_BATCH_SHAPE', batch: { images: tf.zeros([8, 4]), labels: labels(8) } },
      { code: 'MAN_CORE_BATCH_LABELS', batch: { images: tf.zeros([8, 5]), labels: labels(7) } },
      { code: 'MAN_CORE_BATCH_LABELS', batch: { images: tf.zeros([8, 5]), labels: tf.tensor1d([1, 2, 3, 1, 2, 3, 1, 2]) } },
      { code: 'MAN_CORE_BATCH_TOO_SMALL', batch: { images: tf.zeros([1, 5]), labels: labels(1) } },
    ];
    for (const { code, batch } of wrong) {
      expect(() => trainer.step(batch)).toThrow(expect.objectContaining({ code }));
      disposeBatch(batch);
    }
    trainer.dispose();
    expect(() => trainer.step(wrong[0]!.batch)).toThrow(expect.objectContaining({ code: 'MAN_CORE_DISPOSED' }));
  });

  it('refuses local learning without a loss, and training without data', async () => {
    expect(() => createTrainer({ backbone: denseBackbone(), partition: { blocks: 2 } })).toThrow(
      expect.objectContaining({ code: 'MAN_CORE_LOSS_MISSING' }),
    );
    const trainer = local();
    await expect(trainer.fit({ examples: 0, batches: 0, epoch: () => [] }, { epochs: 1 })).rejects.toMatchObject({
      code: 'MAN_CORE_NO_DATA',
    });
    trainer.dispose();
  });
});

/** The network and SGD written out, with tfjs's own reverse pass. */
function plainStep(variables: tf.Variable[], velocities: tf.Variable[], batch: Batch): void {
  const { grads } = tf.variableGrads(() => {
    let x: tf.Tensor = batch.images;
    for (let i = 0; i < 8; i += 2) x = relu(linear(x, variables[i]!, variables[i + 1]!));
    return softmaxCrossEntropy(linear(x, variables[8]!, variables[9]!), batch.labels);
  }, variables);
  variables.forEach((variable, i) => {
    const gradient = tf.add(grads[variable.name]!, tf.mul(variable, 1e-4));
    velocities[i]!.assign(tf.add(tf.mul(velocities[i]!, 0.9), gradient));
    variable.assign(tf.sub(variable, tf.mul(tf.add(gradient, tf.mul(velocities[i]!, 0.9)), 0.1)));
  });
}

/** The loss of every block behind the first times a thousand. */
function scaledBehindFirst(loss: LocalLoss): LocalLoss {
  return {
    name: 'scaled',
    build(site) {
      const aux = loss.build(site);
      if (site.block.index === 0) return aux;
      return {
        ...aux,
        loss: (features, batch) => ({ ...aux.loss(features, batch), total: tf.mul(aux.loss(features, batch).total, 1000) }),
      };
    },
  };
}

/** A loss whose term `broken` is not a number in the given step of every block. */
function infiniteAt(wrongStep: number): LocalLoss {
  let calls = 0;
  return {
    name: 'infinite',
    build(site) {
      const aux = denseLoss().build(site);
      return {
        ...aux,
        loss(features, batch) {
          const value = aux.loss(features, batch);
          if (site.block.index === 0) calls++;
          return { ...value, terms: { ...value.terms, broken: tf.scalar(calls === wrongStep ? Number.NaN : 0) } };
        },
      };
    },
  };
}
