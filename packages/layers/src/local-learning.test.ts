import type { Batch, LocalLoss } from '@man/core';
import { dgl } from '@man/loss-dgl';
import { createVariable, measurePeakBytes } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { localLearning } from './index.ts';
import { examples, mlp, mobileNet, resNet, withoutLeaks } from './testing.ts';

const MODELS = [
  ['an MLP', mlp, ['dense_1', 'relu_2']],
  ['a MobileNet', mobileNet, ['conv1_relu', 'conv_pw_1_relu', 'conv_pw_2_relu']],
  ['a ResNet', resNet, ['relu', 'add_1', 'relu_3']],
] as const;

const optimizers = withoutLeaks();
function compiled<M extends tf.LayersModel>(model: M, optimizer: tf.Optimizer = tf.train.sgd(0.1)): M {
  optimizers.push(optimizer);
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}
const shapeOf = (model: tf.LayersModel) => model.inputs[0]!.shape.slice(1) as number[];
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const distance = (a: number[][], b: number[][]) => Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i]![j]!))));
const quiet = { verbose: 0, shuffle: false, yieldEvery: 'never' } as const;

describe('one block', () => {
  it.each(MODELS)('of %s trains what model.fit does', async (_, make) => {
    const [theirs, ours] = [compiled(make()), compiled(make())];
    ours.setWeights(theirs.getWeights());
    const { x, y } = examples(shapeOf(ours), 18);
    const local = localLearning(ours, { blocks: 1 });
    const before = weightsOf(ours);
    const args = { ...quiet, batchSize: 6, epochs: 1 };
    const [a, b] = [await theirs.fit(x, y, args), await local.fit(x, y, args)];
    expect(distance(weightsOf(theirs), weightsOf(ours))).toBeLessThan(1e-6);
    expect(distance(before, weightsOf(ours))).toBeGreaterThan(1e-2);
    expect(Object.keys(b.history)).toEqual(Object.keys(a.history));
    for (const [key, [value]] of Object.entries(a.history)) expect(b.history[key]![0], key).toBeCloseTo(value as number, 5);
    local.dispose();
    tf.dispose([x, y]);
  });
});

describe('several blocks', () => {
  it.each(MODELS)('of %s learn with MAN, in the model that they were made from', async (_, make, cuts) => {
    const model = compiled(make(), tf.train.adam(0.02));
    const { x, y } = examples(shapeOf(model), 12);
    const before = weightsOf(model);
    const held = tf.memory().numTensors;
    const local = localLearning(model, { cuts, loss: dgl(), man: true });
    const { history } = await local.fit(x, y, { ...quiet, batchSize: 6, epochs: 4 });
    const losses = cuts.map((__, i) => `block${i + 1}_loss`);
    expect(Object.keys(history)).toEqual(['loss', 'acc', ...losses]);
    for (const key of ['loss', ...losses]) expect(history[key]![3], key).toBeLessThan(history[key]![0] as number);
    local.dispose();
    expect(tf.memory().numTensors).toBe(held);
    // Every weight has moved, moving averages of batch norm too.
    for (const [i, row] of weightsOf(model).entries()) expect(row, model.weights[i]!.name).not.toEqual(before[i]);
    tf.dispose([x, y]);
  });

  it('train what a loop by hand does, with MAN’s rule written out', async () => {
    // Two blocks of one dense layer each; the local head is linear, on the sum of an EMA copy and a trained copy of the second.
    const make = () => {
      const dense = (units: number, seed: number, activation: 'tanh' | 'softmax', inputShape: number[]) =>
        tf.layers.dense({ units, activation, inputShape, kernelInitializer: tf.initializers.glorotUniform({ seed }) });
      return compiled(tf.sequential({ layers: [dense(5, 1, 'tanh', [6]), dense(4, 2, 'tanh', [5]), dense(3, 3, 'softmax', [4])] }), tf.train.sgd(0.2)); // biome-ignore format: one line
    };
    const head = () => createVariable(tf.randomNormal([4, 3], 0, 1, 'float32', 4)) as tf.Variable<tf.Rank.R2>;
    const crossEntropy = (y: tf.Tensor, logits: tf.Tensor) => tf.losses.softmaxCrossEntropy(y, logits).asScalar();
    const loss: LocalLoss = {
      name: 'linear',
      build() {
        const kernel = head();
        const loss = (features: tf.Tensor, { labels }: Batch) => ({
          total: crossEntropy(tf.oneHot(labels, 3), tf.matMul(features, kernel)),
          terms: {},
        });
        return { loss, parameters: () => ({ kernel }), buffers: () => ({}), dispose: () => kernel.dispose() };
      },
    };
    const [ours, theirs] = [make(), make()];
    theirs.setWeights(ours.getWeights());
    const { x, y } = examples([6], 12);
    const local = localLearning(ours, { blocks: 2, loss, man: { momentum: 0.9 } });
    expect(local.blocks).toEqual([
      { layers: [ours.layers[0]!.name], looksAt: [ours.layers[1]!.name] },
      { layers: [ours.layers[1]!.name, ours.layers[2]!.name], looksAt: [] },
    ]);
    await local.fit(x, y, { ...quiet, batchSize: 12, epochs: 4 });

    const [w1, b1, w2, b2, w3, b3] = theirs.weights.map((weight) => weight.read() as tf.Variable) as [tf.Variable, tf.Variable, tf.Variable, tf.Variable, tf.Variable, tf.Variable]; // biome-ignore format: one line
    const copy = (variable: tf.Variable) => tf.variable(variable);
    const [wBias, bBias, wEma, bEma, kernel] = [copy(w2), copy(b2), copy(w2), copy(b2), head()];
    const layer = (h: tf.Tensor, w: tf.Tensor, b: tf.Tensor) => tf.tanh(tf.add(tf.matMul(h, w), b));
    const sgd = (f: () => tf.Scalar, variables: tf.Variable[]) => {
      const { grads } = tf.variableGrads(f, variables);
      for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 0.2)));
    };
    for (let step = 0; step < 4; step++) {
      tf.tidy(() => {
        const h = layer(x, w1, b1);
        const seen = () => {
          const own = layer(x, w1, b1);
          return tf.add(layer(own, wBias, bBias), layer(own, wEma, bEma));
        };
        sgd(() => crossEntropy(y, tf.matMul(seen(), kernel)), [w1, b1, wBias, bBias, kernel]);
        sgd(() => crossEntropy(y, tf.add(tf.matMul(layer(h, w2, b2), w3), b3)), [w2, b2, w3, b3]);
        for (const [ema, of] of [[wEma, w2], [bEma, b2]] as const) ema.assign(tf.add(tf.mul(ema, 0.9), tf.mul(of, 0.1))); // biome-ignore format: one line
      });
    }
    expect(distance(weightsOf(theirs), weightsOf(ours))).toBeLessThan(1e-6);
    local.dispose();
    tf.dispose([x, y]);
  });
});

it('holds one block at a time', () => {
  const dense = (units: number, activation: 'relu' | 'softmax') => tf.layers.dense({ units, activation, inputShape: [32] });
  const layers = [...Array.from({ length: 12 }, () => dense(32, 'relu')), dense(3, 'softmax')];
  const model = compiled(tf.sequential({ layers }));
  const { x, y } = examples([32], 600);
  const peak = (blocks: number) => {
    const local = localLearning(model, { blocks, loss: dgl() });
    const { makeTrainFunction } = local as unknown as { makeTrainFunction(): (data: tf.Tensor[]) => tf.Tensor[] };
    const { result, peakBytes } = measurePeakBytes(() => makeTrainFunction.call(local)([x, y]));
    tf.dispose(result);
    local.dispose();
    return peakBytes - x.size * 4;
  };
  expect(peak(4) / peak(1)).toBeLessThan(0.6);
  tf.dispose([x, y]);
});

it.each(MODELS)('cuts %s in front of a convolution or a dense layer', (_, make) => {
  const model = compiled(make());
  for (const blocks of [2, 3]) {
    const local = localLearning(model, { blocks, loss: dgl() });
    expect(local.blocks.length).toBe(blocks);
    expect(local.blocks.flatMap(({ layers }) => layers).sort()).toEqual(
      model.layers.flatMap(({ name }) => (/input/.test(name) ? [] : [name])).sort(),
    );
    for (const { layers } of local.blocks) expect(layers[0]).toMatch(/^(conv|dense)(?!.*(bn|relu))/);
    local.dispose();
  }
});
