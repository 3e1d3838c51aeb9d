import { dgl } from '@man/loss-dgl';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { localLearning } from './index.ts';
import { examples, mlp, withoutLeaks } from './testing.ts';

const optimizers = withoutLeaks();
function compiled(optimizer: tf.Optimizer = tf.train.adam(0.01), loss = 'categoricalCrossentropy'): tf.Sequential {
  optimizers.push(optimizer);
  const model = mlp();
  model.compile({ optimizer, loss, metrics: ['accuracy'] });
  return model;
}
const quiet = { verbose: 0, yieldEvery: 'never' } as const;
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);

describe('fit', () => {
  it('calls back, validates, and keeps a history, as tfjs does', async () => {
    const local = localLearning(compiled(), { blocks: 3, loss: dgl(), man: true });
    const { x, y } = examples([6], 20);
    const heard: string[] = [];
    const history = await local.fit(x, y, {
      ...quiet,
      epochs: 2,
      batchSize: 8,
      validationSplit: 0.2,
      callbacks: {
        onBatchEnd: (batch, logs) => void heard.push(`batch ${batch}: ${Object.keys(logs ?? {}).join(' ')}`),
        onEpochEnd: (epoch, logs) => void heard.push(`epoch ${epoch}: ${Object.keys(logs ?? {}).join(' ')}`),
      },
    });
    const batches = [0, 1].map((batch) => `batch ${batch}: batch size loss acc block1_loss block2_loss`);
    const ends = 'val_loss val_acc loss acc block1_loss block2_loss';
    expect(heard).toEqual([...batches, `epoch 0: ${ends}`, ...batches, `epoch 1: ${ends}`]);
    expect(history).toBeInstanceOf(tf.History);
    expect(history.epoch).toEqual([0, 1]);
    for (const [name, values] of Object.entries(history.history)) expect(values, name).toEqual([expect.any(Number), expect.any(Number)]);
    local.dispose();
    tf.dispose([x, y]);
  });

  it('averages the blocks’ losses over the examples of an epoch', async () => {
    const local = localLearning(compiled(), { blocks: 2, loss: dgl() });
    const { x, y } = examples([6], 20);
    const batches: [size: number, loss: number][] = [];
    const onBatchEnd = (_: number, logs: tf.Logs = {}) => void batches.push([logs.size as number, logs.block1_loss as number]);
    const { history } = await local.fit(x, y, { ...quiet, batchSize: 16, callbacks: { onBatchEnd } });
    expect(batches.map(([size]) => size)).toEqual([16, 4]);
    expect(history.block1_loss![0]).toBeCloseTo(
      batches.reduce((sum, [size, loss]) => sum + (size * loss) / 20, 0),
      5,
    );
    local.dispose();
    tf.dispose([x, y]);
  });

  it('stops early with the callback of tfjs', async () => {
    const local = localLearning(compiled(tf.train.sgd(0)), { blocks: 2, loss: dgl() });
    const { x, y } = examples([6], 12);
    const history = await local.fit(x, y, {
      ...quiet,
      epochs: 9,
      callbacks: tf.callbacks.earlyStopping({ monitor: 'loss', patience: 2, minDelta: 1 }),
    });
    expect(history.epoch.length).toBe(3);
    local.dispose();
    tf.dispose([x, y]);
  });

  it('follows a learning rate that a callback sets', async () => {
    const optimizer = tf.train.sgd(0.1);
    const model = compiled(optimizer);
    const local = localLearning(model, { blocks: 2, loss: dgl() });
    const { x, y } = examples([6], 12);
    const trained = () => model.layers.filter((layer) => layer.name.startsWith('dense')).flatMap((layer) => layer.getWeights().map((weight) => [...weight.dataSync()])); // biome-ignore format: one line
    const seen: number[][][] = [];
    await local.fit(x, y, {
      ...quiet,
      epochs: 2,
      callbacks: {
        onEpochEnd() {
          seen.push(trained());
          optimizer.setLearningRate(0);
        },
      },
    });
    expect(seen[1]).toEqual(seen[0]);
    local.dispose();
    tf.dispose([x, y]);
  });

  it('takes labels as numbers, and data sets', async () => {
    const [oneHot, sparse, fromDataset] = [compiled(tf.train.sgd(0.1)), compiled(tf.train.sgd(0.1), 'sparseCategoricalCrossentropy'), compiled(tf.train.sgd(0.1))]; // biome-ignore format: one line
    const { x, y } = examples([6], 12);
    const labels = tf.tidy(() => tf.cast(tf.expandDims(tf.argMax(y, 1), 1), 'float32'));
    const locals = [oneHot, sparse, fromDataset].map((model) => localLearning(model, { blocks: 2, loss: dgl(), man: true }));
    const args = { ...quiet, shuffle: false, batchSize: 12 };
    await locals[0]!.fit(x, y, args);
    await locals[1]!.fit(x, labels, args);
    const [xs, ys] = [x.arraySync() as number[][], y.arraySync()];
    await locals[2]!.fitDataset(tf.data.array(xs.map((row, i) => ({ xs: row, ys: ys[i]! }))).batch(12), { epochs: 1, verbose: 0 });
    for (const other of [sparse, fromDataset])
      for (const [i, row] of weightsOf(other).entries())
        expect(row.map((value) => value.toFixed(5))).toEqual(weightsOf(oneHot)[i]!.map((value) => value.toFixed(5)));
    for (const local of locals) local.dispose();
    tf.dispose([x, y, labels]);
  });

  it('leaves frozen layers as they are, and trains the others', async () => {
    const model = mlp();
    for (const name of ['dense_1', 'dense_2', 'bn_2']) model.getLayer(name).trainable = false;
    const optimizer = tf.train.sgd(0.1);
    optimizers.push(optimizer);
    const local = localLearning(model, { cuts: ['dense_1', 'dense_3'], loss: dgl(), man: true, optimizer });
    const kernel = (name: string) => [...model.getLayer(name).getWeights()[0]!.dataSync()];
    const before = ['dense_1', 'dense_2', 'dense_3', 'dense_4'].map(kernel);
    const { x, y } = examples([6], 12);
    const { history } = await local.fit(x, y, quiet);
    const moved = ['dense_1', 'dense_2', 'dense_3', 'dense_4'].filter((name, i) => kernel(name).join() !== before[i]!.join());
    expect(moved).toEqual(['dense_3', 'dense_4']);
    expect(Object.keys(history)).toEqual(['loss', 'acc', 'block2_loss']);
    local.dispose();
    tf.dispose([x, y]);
  });
});

describe('a local model', () => {
  it('evaluates, predicts and saves what the model does', async () => {
    const model = compiled();
    const { x, y } = examples([6], 12);
    const local = localLearning(model, { blocks: 2, loss: dgl(), man: true });
    await local.fit(x, y, quiet);
    const values = (tensors: tf.Tensor | tf.Tensor[]) => [tensors].flat().map((tensor) => [...tensor.dataSync()]);
    tf.tidy(() => {
      expect(values(local.evaluate(x, y))).toEqual(values(model.evaluate(x, y)));
      expect(values(local.predict(x))).toEqual(values(model.predict(x)));
    });
    let saved: tf.io.ModelArtifacts | undefined;
    await local.save(tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    })); // biome-ignore format: one line
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    expect(loaded).toBeInstanceOf(tf.Sequential);
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
    local.dispose();
    tf.tidy(() => void expect((model.predict(x) as tf.Tensor).shape).toEqual([12, 3]));
    tf.dispose([x, y]);
  });

  it('can be compiled anew', async () => {
    const local = localLearning(compiled(), { blocks: 2, loss: dgl() });
    const optimizer = tf.train.sgd(0.1);
    optimizers.push(optimizer);
    local.compile({ optimizer, loss: 'categoricalCrossentropy' });
    const { x, y } = examples([6], 12);
    const { history } = await local.fit(x, y, quiet);
    expect(Object.keys(history)).toEqual(['loss', 'block1_loss']);
    expect(() => local.compile({ optimizer, loss: 'meanSquaredError' })).toThrow("'meanSquaredError'");
    local.dispose();
    tf.dispose([x, y]);
  });
});
