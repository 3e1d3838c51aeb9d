import {
  type Backbone,
  type Batch,
  createTrainer,
  disposeBatch,
  fromFunctions,
  type LocalLoss,
  type OptimizerDefinition,
  type UnitFunctions,
} from '@man/core';
import { createVariable, softmaxCrossEntropy, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMan, man } from './index.ts';

// Layers as a stranger writes them: functions over tf.variables, operations of tfjs.

const draw = (shape: number[], seed: number) => createVariable(tf.randomNormal(shape, 0, 0.3, 'float32', seed));

function conv(size: number, channels: number, filters: number, strides: number, seed: number): UnitFunctions {
  const [kernel, bias] = [draw([3, 3, channels, filters], seed) as tf.Variable<tf.Rank.R4>, draw([filters], seed + 1)];
  return {
    inputShape: [size, size, channels],
    apply: (x: tf.Tensor4D) => tf.relu(tf.add(tf.conv2d(x, kernel, strides, 'same'), bias)),
    parameters: () => [kernel, bias],
    clone: () => conv(size, channels, filters, strides, seed),
  };
}

function head(shape: readonly number[], seed: number): UnitFunctions {
  const kernel = draw([shape[2] as number, 3], seed);
  return {
    inputShape: shape,
    apply: (x) => tf.matMul(tf.mean(x, [1, 2]), kernel),
    parameters: () => [kernel],
    clone: () => head(shape, seed),
  };
}

const layers = () => ({ block: conv(6, 2, 4, 1, 10), next: conv(6, 4, 5, 2, 20), classifier: head([3, 3, 5], 30) });
const localHead = (shape: readonly number[]) => head(shape, 40);
const batchOf = (seed: number): Batch => ({
  images: tf.randomNormal([4, 6, 6, 2], 0, 1, 'float32', seed + 1),
  labels: tf.tensor1d([0, 1, 2, 1], 'int32'),
});
const list = (...parts: UnitFunctions[]) => parts.flatMap((part) => part.parameters() as tf.Variable[]);
const values = (parts: readonly UnitFunctions[]) => list(...parts).map((variable) => [...variable.dataSync()]);

/** An optimiser of tfjs, as the trainer takes them. */
const definition = (make: () => tf.Optimizer): OptimizerDefinition => ({
  name: 'tfjs',
  create(variables) {
    const optimizer = make();
    return {
      apply(gradients) {
        const found = Object.values(variables).flatMap((variable, i) =>
          gradients[i] ? [{ name: variable.name, tensor: gradients[i] }] : [],
        );
        optimizer.applyGradients(found);
      },
      state: () => ({}),
      dispose: () => optimizer.dispose(),
    };
  },
});

function withTrainer(make: () => tf.Optimizer, steps: number): number[][] {
  const parts = layers();
  const { block, next, classifier } = parts;
  const unit = (name: string, functions: UnitFunctions) => fromFunctions({ ...functions, name });
  const backbone: Backbone = {
    name: 'plain',
    inputShape: [6, 6, 2],
    classes: 3,
    partitions: { 2: ['block'] },
    build: () => ({ units: [unit('block', block), unit('next', next)], classifier: unit('classifier', classifier) }),
  };
  const loss: LocalLoss = {
    name: 'plain',
    build({ featureShape }) {
      const local = fromFunctions(localHead(featureShape));
      return {
        loss(features, { labels }) {
          const total = softmaxCrossEntropy(local.apply(features, true), labels);
          return { total, terms: { classification: total } };
        },
        parameters: () => local.parameters(),
        buffers: () => local.buffers(),
        dispose: () => local.dispose(),
      };
    },
  };
  const trainer = createTrainer({
    backbone,
    partition: { blocks: 2 },
    loss,
    optimizer: definition(make),
    plugins: [man({ momentum: 0.9 })],
  });
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(i);
    trainer.step(batch);
    disposeBatch(batch);
  }
  const trained = values([block, next, classifier]);
  trainer.dispose();
  return trained;
}

interface Loop {
  /** One step: gradients of `loss` for `variables`, then an update. */
  readonly update: (optimizer: tf.Optimizer, loss: () => tf.Scalar, variables: tf.Variable[]) => void;
  readonly inTidy: boolean;
}

function ownLoop(make: () => tf.Optimizer, steps: number, { update, inTidy }: Loop): number[][] {
  const around = <T>(f: () => T) => (inTidy ? (tf.tidy(f as () => tf.TensorContainer) as T) : f());
  const { block, next, classifier } = layers();
  const m = createMan({ momentum: 0.9 });
  const view = around(() => m.view({ first: fromFunctions(next), name: 'block1' }));
  const aux = localHead(view.outputShape);
  const optimizers = [make(), make()] as const;
  const forLocal = [...Object.values(view.buffers()), ...list(block), ...Object.values(view.parameters()), ...list(aux)];
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(i);
    const step = () => {
      const features = tf.tidy(() => block.apply(batch.images, true));
      const seen = () => view.apply(block.apply(batch.images, true));
      update(optimizers[0], () => softmaxCrossEntropy(aux.apply(seen(), true), batch.labels), forLocal);
      const logits = () => classifier.apply(next.apply(features, true), true);
      update(optimizers[1], () => softmaxCrossEntropy(logits(), batch.labels), list(next, classifier));
      m.update();
      features.dispose();
    };
    if (inTidy) tf.tidy(step);
    else step();
    disposeBatch(batch);
  }
  const trained = values([block, next, classifier]);
  for (const part of [view, ...optimizers, ...[block, next, classifier, aux].map(fromFunctions)]) part.dispose();
  return trained;
}

const minimize: Loop['update'] = (optimizer, loss, variables) => void optimizer.minimize(loss, false, variables);
const variableGrads: Loop['update'] = (optimizer, loss, variables) => {
  const { value, grads } = tf.variableGrads(loss, variables);
  optimizer.applyGradients(grads);
  tf.dispose([value, grads]);
};

/** Disposing of one leaves the scalar of its learning rate, which belongs to the class it extends. */
function momentum(): tf.Optimizer {
  const optimizer = tf.train.momentum(0.05, 0.9, true);
  const dispose = optimizer.dispose.bind(optimizer);
  const { c } = optimizer as unknown as { c: tf.Scalar };
  return Object.assign(optimizer, { dispose: () => [dispose(), c.dispose()] });
}

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('a loop by hand trains what our trainer trains, bit for bit', () => {
  it.each<[string, () => tf.Optimizer]>([
    ['sgd', () => tf.train.sgd(0.05)],
    ['momentum', momentum],
    ['adam', () => tf.train.adam(0.01)],
    ['rmsprop', () => tf.train.rmsprop(0.01, 0.9, 0.5)],
    ['adamax', () => tf.train.adamax(0.01)],
  ])('%s, in and out of tf.tidy', (_, make) => {
    const ours = withTrainer(make, 4);
    expect(ours).not.toEqual(withTrainer(make, 3));
    expect(ownLoop(make, 4, { update: variableGrads, inTidy: true })).toEqual(ours);
    expect(ownLoop(make, 4, { update: minimize, inTidy: false })).toEqual(ours);
  });
});
