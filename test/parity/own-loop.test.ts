import { resnet } from '@man/backbone-resnet';
import { createRng } from '@man/base';
import { auxSite, type Batch, createTrainer, cutIntoBlocks, disposeBatch, forward, type Trainer, type Unit } from '@man/core';
import { infopro } from '@man/loss-infopro';
import { createVariable, softmaxCrossEntropy, useEngine } from '@man/ops';
import { createMan, man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';

const SEED = 11;
const RATE = 0.05;
const backbone = resnet({ depth: 8, width: 4, inputShape: [16, 16, 3] });
const loss = infopro();

beforeAll(() => useEngine('auto'));

/** InfoPro+MAN without our trainer: tfjs's own reverse pass, SGD written out, `createMan` plugged in by two lines. */
function ownLoop(steps: number): readonly Unit[] {
  const rng = createRng(SEED);
  const network = backbone.build(rng.split('network'));
  const blocks = cutIntoBlocks(backbone, network, { blocks: 4 });
  const m = createMan();
  const auxiliary = blocks.map((_, j) => {
    const next = blocks[j + 1];
    if (next === undefined) return null;
    const own = rng.split(`aux.${j}`);
    const site = auxSite(blocks, j, backbone, own);
    return m.attach({
      first: next.units[0],
      name: `block${j}`,
      rng: own,
      aux: (featureShape) => loss.build({ ...site, featureShape }),
    });
  });
  const velocities = new Map<tf.Variable, tf.Variable>();
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(i);
    tf.tidy(() => {
      let x = batch.images;
      blocks.forEach((block, j) => {
        const aux = auxiliary[j];
        const trained = [...block.units, aux ?? network.classifier].flatMap((part) => Object.values((part as Unit).parameters()));
        let features = x;
        const { grads } = tf.variableGrads(() => {
          features = tf.keep(forward(block.units, x, true));
          if (aux) return aux.loss(features, batch).total;
          return softmaxCrossEntropy(network.classifier.apply(features, true), batch.labels);
        }, trained);
        for (const variable of trained) sgd(variable, grads[variable.name] ?? null, velocities);
        x = features;
      });
    });
    m.update();
    disposeBatch(batch);
  }
  return [...network.units, network.classifier];
}

function sgd(variable: tf.Variable, gradient: tf.Tensor | null, velocities: Map<tf.Variable, tf.Variable>): void {
  if (gradient === null) return;
  const velocity = velocities.get(variable) ?? createVariable(tf.zerosLike(variable));
  velocities.set(variable, velocity);
  const decayed = tf.add(gradient, tf.mul(variable, 1e-4));
  velocity.assign(tf.add(tf.mul(velocity, 0.9), decayed));
  variable.assign(tf.sub(variable, tf.mul(tf.add(decayed, tf.mul(velocity, 0.9)), RATE)));
}

function withTrainer(steps: number): Trainer {
  const trainer = createTrainer({ backbone, partition: { blocks: 4 }, loss, plugins: [man()], schedule: () => RATE, seed: SEED });
  for (let i = 0; i < steps; i++) {
    const batch = batchOf(i);
    trainer.step(batch);
    disposeBatch(batch);
  }
  return trainer;
}

const batchOf = (seed: number): Batch => ({
  images: tf.randomNormal([8, 16, 16, 3], 0, 1, 'float32', seed + 1),
  pixels: tf.randomUniform([8, 16, 16, 3], 0, 1, 'float32', seed + 1),
  labels: tf.tensor1d([0, 1, 2, 3, 4, 5, 6, 7], 'int32'),
});

it('MAN in a hand-written loop trains what our trainer trains, bit for bit', () => {
  const ours = withTrainer(3).networkVariables();
  for (const unit of ownLoop(3)) {
    for (const [name, variable] of Object.entries({ ...unit.parameters(), ...unit.buffers() })) {
      expect(variable.dataSync(), `${unit.name}.${name}`).toEqual(ours[`${unit.name}.${name}`]?.dataSync());
    }
  }
});
