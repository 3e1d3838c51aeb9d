import { dgl } from '@man/loss-dgl';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { type LocalLearningOptions, localLearning } from './index.ts';
import { mlp, resNet } from './testing.ts';

const { layers } = tf;
const softmax = (x: tf.SymbolicTensor | tf.SymbolicTensor[], name = 'out') =>
  layers.dense({ name, units: 3, activation: 'softmax' }).apply(x) as tf.SymbolicTensor;
const input = (name = 'in', shape: (number | null)[] = [4]) => tf.input({ name, shape });
const _dense = (name: string, x: tf.SymbolicTensor) => layers.dense({ name, units: 4 }).apply(x) as tf.SymbolicTensor;
const join = (...xs: tf.SymbolicTensor[]) => layers.add().apply(xs) as tf.SymbolicTensor;
const only = (...list: tf.layers.Layer[]) => tf.sequential({ layers: list });

const UNSUPPORTED: Record<string, { model: () => tf.LayersModel; says: string }> = {
  'two inputs': {
    model() {
      const inputs = [input('left'), input('right')];
      return tf.model({ inputs, outputs: softmax(join(...inputs)) });
    },
    says: "2 inputs: 'left', 'right'",
  },
  'two outputs': {
    model() {
      const x = input();
      return tf.model({ inputs: x, outputs: [softmax(x, 'one'), softmax(x, 'two')] });
    },
    says: "2 outputs: 'one', 'two'",
  },
  'a shared layer': {
    model() {
      const x = input();
      const shared = layers.dense({ name: 'shared', units: 4 });
      return tf.model({ inputs: x, outputs: softmax(shared.apply(shared.apply(x)) as tf.SymbolicTensor) });
    },
    says: "'shared', a layer that is applied more than once",
  },
  'a nested model': {
    model() {
      const inner = tf.sequential({ name: 'inner', layers: [layers.dense({ units: 4, inputShape: [4] })] });
      return only(layers.dense({ units: 4, inputShape: [4] }), inner, layers.dense({ units: 3, activation: 'softmax' }));
    },
    says: "'inner', a model as a layer",
  },
  'a nested model that comes first': {
    model() {
      const inner = tf.sequential({ name: 'inner', layers: [layers.dense({ units: 4, inputShape: [4] })] });
      return tf.sequential({ layers: [inner, layers.dense({ units: 3, activation: 'softmax' })] });
    },
    says: "'inner', a model as a layer",
  },
  'a mask': {
    model: () =>
      only(
        layers.embedding({ name: 'words', inputDim: 5, outputDim: 4, maskZero: true, inputLength: 6 }),
        layers.globalAveragePooling1d(),
        layers.dense({ units: 3, activation: 'softmax' }),
      ),
    says: "'words', a layer that makes a mask",
  },
  'a stateful layer': {
    model: () =>
      only(
        layers.lstm({ name: 'memory', units: 4, stateful: true, batchInputShape: [2, 3, 4] }),
        layers.dense({ units: 3, activation: 'softmax' }),
      ),
    says: "'memory', a stateful layer",
  },
  'pictures of any size': {
    model: () =>
      only(
        layers.conv2d({ name: 'conv', filters: 2, kernelSize: 3, inputShape: [null, null, 3] }),
        layers.globalAveragePooling2d({}),
        layers.dense({ units: 3, activation: 'softmax' }),
      ),
    says: "'conv', whose output has the shape [,,,2]",
  },
  'an output that is no classifier': {
    model: () => only(layers.dense({ units: 4, inputShape: [4] }), layers.dense({ name: 'value', units: 1 })),
    says: "'value', an output of shape [,1] without softmax",
  },
};

let optimizer: tf.Optimizer;
const fails = (model: tf.LayersModel, options: LocalLearningOptions, code: string, says = '') => {
  const before = tf.memory().numTensors;
  expect(() => localLearning(model, { optimizer, ...options })).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(says) }),
  );
  expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
};

beforeAll(async () => {
  await useEngine('auto');
  optimizer = tf.train.sgd(0.1);
});
afterEach(() => tf.disposeVariables());

it.each(Object.entries(UNSUPPORTED))('names %s as unsupported', (_, { model, says }) => {
  fails(model(), { blocks: 1 }, 'MAN_LAYERS_UNSUPPORTED', says);
});

it('cuts only where a single tensor goes on', () => {
  fails(resNet(), { cuts: ['conv_1a'], loss: dgl() }, 'MAN_LAYERS_CUT', "'conv_1a': a branch goes past it");
  fails(resNet(), { cuts: ['conv_3c_bn'], loss: dgl() }, 'MAN_LAYERS_CUT', 'a branch goes past it');
  fails(resNet(), { cuts: ['ad_1'], loss: dgl() }, 'MAN_LAYERS_CUT', "did you mean 'add_1'");
  fails(resNet(), { cuts: ['classifier'], loss: dgl() }, 'MAN_LAYERS_CUT', 'it is the last layer');
  fails(mlp(), { cuts: ['dense_2', 'dense_1'], loss: dgl() }, 'MAN_CORE_CUT');
});

it('asks for a local loss, a number of blocks that there is room for, and either blocks or cuts', () => {
  fails(mlp(), { blocks: 2 }, 'MAN_LAYERS_LOSS');
  fails(mlp(), { blocks: 5, loss: dgl() }, 'MAN_CORE_OPTION');
  fails(mlp(), {}, 'MAN_CORE_PARTITION');
  fails(mlp(), { blocks: 2, cuts: ['dense_1'], loss: dgl() }, 'MAN_CORE_PARTITION');
  fails(mlp(), { blocks: 2, loss: dgl(), man: { momentum: 2 } }, 'MAN_PLUGIN_OPTION');
});

it('asks for a compiled model, with the loss of a classifier and no weights of examples', async () => {
  expect(() => localLearning(mlp(), { blocks: 1 })).toThrow(expect.objectContaining({ code: 'MAN_LAYERS_COMPILE' }));
  const model = mlp();
  model.compile({ optimizer, loss: 'meanSquaredError' });
  fails(model, { blocks: 1 }, 'MAN_LAYERS_UNSUPPORTED', "the loss 'meanSquaredError'");
  const local = localLearning(mlp(), { blocks: 1, optimizer });
  const [x, y] = [tf.zeros([1, 6]), tf.zeros([1, 3])];
  await expect(local.fit(x, y, { classWeight: { 0: 1 } })).rejects.toThrow('weights of classes');
  tf.dispose([x, y]);
  local.dispose();
});
