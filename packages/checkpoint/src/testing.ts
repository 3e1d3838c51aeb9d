import type { Rng } from '@man/base';
import { type Backbone, type Batch, type BatchSource, constant, createTrainer, type Trainer, type TrainerPlugin } from '@man/core';
import { linear, relu, sequential } from '@man/nn';
import * as tf from '@tensorflow/tfjs';

/** Two dense units and a classifier of three classes, of a given width. */
export function tinyBackbone(width = 8): Backbone {
  const unit = (name: string, inputs: number, rng: Rng) =>
    sequential({ linear: linear({ features: width }), relu: relu() })({ name, inputShape: [inputs], rng: rng.split(name) });
  return {
    name: 'tiny',
    inputShape: [4],
    classes: 3,
    partitions: {},
    build: (rng) => ({
      units: [unit('a', 4, rng), unit('b', width, rng)],
      classifier: linear({ features: 3 })({ name: 'classifier', inputShape: [width], rng: rng.split('classifier') }),
    }),
  };
}

/** Eight examples, other ones for each seed. */
export function tinyBatch(seed: number): Batch {
  const labels = Int32Array.from({ length: 8 }, (_, i) => (i + seed) % 3);
  const values = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i * 1.7 + seed) * 0.3 + (i % 4 === labels[i >> 2] ? 1 : 0));
  return { images: tf.tensor2d(values, [8, 4]), labels: tf.tensor1d(labels, 'int32') };
}

/** Batches that differ from epoch to epoch. */
export function tinySource(batches: number): BatchSource {
  return {
    examples: 8 * batches,
    batches,
    canSkip: true,
    *epoch(epoch, { from = 0 } = {}) {
      for (let i = from; i < batches; i++) yield tinyBatch(100 * epoch + i);
    },
  };
}

/** A trainer that reads losses after every step. */
export function tinyTrainer(plugins: readonly TrainerPlugin[], width = 8): Trainer {
  return createTrainer({ backbone: tinyBackbone(width), schedule: constant(0.05), readEvery: 1, plugins, seed: 3 });
}
