import type { LocalLoss } from '@man/core';
import { auglocal } from '@man/loss-auglocal';
import { dgl } from '@man/loss-dgl';
import { infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type LocalLearningOptions, localLearning } from './index.ts';
import { examples, mlp, resNet, withoutLeaks } from './testing.ts';

const optimizers = withoutLeaks();
function compiled(model: tf.LayersModel, optimizer: tf.Optimizer = tf.train.adam(0.01)): tf.LayersModel {
  optimizers.push(optimizer);
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  return model;
}
const quiet = { verbose: 0, yieldEvery: 'never', batchSize: 6, shuffle: false } as const;
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);

/** A place that keeps the last that was saved. */
function memory(): tf.io.IOHandler {
  let saved: tf.io.ModelArtifacts = {};
  return {
    async save(artifacts) {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    },
    load: async () => saved,
  };
}

describe.each<[string, () => tf.Optimizer]>([
  ['Adam', () => tf.train.adam(0.01)],
  ['RMSProp', () => tf.train.rmsprop(0.01)],
])('training with %s that is saved and loaded', (_, make) => {
  it('goes on as if it had not ended', async () => {
    const { x, y } = examples([6], 18);
    // Copies that move every second step: three steps in, where one is is not in the weights.
    const options: LocalLearningOptions = { blocks: 3, loss: dgl(), man: { momentum: 0.5, updateEvery: 2 } };
    const whole = localLearning(compiled(mlp(), make()), options);
    const start = memory();
    await whole.save(start);
    const beginning = memory();
    await whole.saveTraining(beginning);
    await whole.fit(x, y, { ...quiet, epochs: 2 });

    const [model, training] = [memory(), memory()];
    const first = localLearning(compiled(await tf.loadLayersModel(start), make()), options);
    await first.loadTraining(beginning);
    await first.fit(x, y, { ...quiet, epochs: 1 });
    await first.save(model);
    await first.saveTraining(training);
    first.dispose();
    const second = localLearning(compiled(await tf.loadLayersModel(model), make()), { ...options, seed: 'another' });
    await second.fit(x, y, { ...quiet, epochs: 1 }); // what it has by then is thrown away
    second.setWeights((await tf.loadLayersModel(model)).getWeights());
    await second.loadTraining(training);
    await second.fit(x, y, { ...quiet, epochs: 1 });
    expect(weightsOf(second)).toEqual(weightsOf(whole));
    for (const each of [whole, second]) each.dispose();
    tf.dispose([x, y]);
  });
});

describe('loading', () => {
  it('says what does not fit, and leaves everything as it was', async () => {
    const saved = memory();
    const small = localLearning(compiled(resNet()), { blocks: 2, loss: dgl() });
    await small.saveTraining(saved);
    const large = localLearning(compiled(resNet()), { blocks: 3, loss: dgl(), man: true });
    await expect(large.loadTraining(saved)).rejects.toMatchObject({
      code: 'MAN_CORE_SNAPSHOT_MISMATCH',
      message: expect.stringContaining('block1.ema.'),
    });
    for (const each of [small, large]) each.dispose();
  });

  it('asks for a place that tfjs knows', async () => {
    const local = localLearning(compiled(resNet()), { blocks: 2, loss: dgl() });
    await expect(local.saveTraining('nowhere://at-all')).rejects.toMatchObject({ code: 'MAN_LAYERS_STORE' });
    await expect(local.loadTraining('nowhere://at-all')).rejects.toMatchObject({ code: 'MAN_LAYERS_STORE' });
    await expect(local.loadTraining({ load: async () => ({}) })).rejects.toMatchObject({ code: 'MAN_LAYERS_STORE' });
    local.dispose();
  });
});

describe('local losses', () => {
  it.each<[string, () => LocalLoss]>([
    ['InfoPro', () => infopro()],
    ['PredSim', () => predsim()],
    ['AugLocal', () => auglocal({ depth: 2 })],
  ])('train with %s and MAN', async (_, loss) => {
    const { x, y } = examples([8, 8, 3], 12);
    const local = localLearning(compiled(resNet(), tf.train.adam(0.02)), {
      blocks: 3,
      loss: loss(),
      man: true,
      pixels: (inputs) => tf.sigmoid(inputs),
    });
    const { history } = await local.fit(x, y, { ...quiet, epochs: 4 });
    for (const key of ['loss', 'block1_loss', 'block2_loss']) expect(history[key]?.[3], key).toBeLessThan(history[key]?.[0] as number);
    local.dispose();
    tf.dispose([x, y]);
  });

  it('that rebuild pictures ask for them', async () => {
    const { x, y } = examples([8, 8, 3], 6);
    const local = localLearning(compiled(resNet()), { blocks: 2, loss: infopro() });
    // fit of tfjs leaves its batch behind where a step fails.
    const { makeTrainFunction } = local as unknown as { makeTrainFunction(): (data: tf.Tensor[]) => tf.Tensor[] };
    expect(() => makeTrainFunction.call(local)([x, y])).toThrow(
      expect.objectContaining({ code: 'MAN_INFOPRO_PIXELS', hint: expect.stringContaining('pixels') }),
    );
    local.dispose();
    tf.dispose([x, y]);
  });
});
