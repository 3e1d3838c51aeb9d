import type { Rng } from '@man/base';
import type { Backbone, Batch, BatchSource } from '@man/core';
import { linear, relu, sequential } from '@man/nn';
import * as tf from '@tensorflow/tfjs';

/** Two dense units and a classifier of three classes. */
export function tinyBackbone(): Backbone {
  const unit = (name: string, inputs: number, features: number, rng: Rng) =>
    sequential({ linear: linear({ features }), relu: relu() })({ name, inputShape: [inputs], rng: rng.split(name) });
  return {
    name: 'tiny',
    inputShape: [4],
    classes: 3,
    partitions: {},
    build: (rng) => ({
      units: [unit('a', 4, 8, rng), unit('b', 8, 8, rng)],
      classifier: linear({ features: 3 })({ name: 'classifier', inputShape: [8], rng: rng.split('classifier') }),
    }),
  };
}

/** Eight examples whose class can be read off the first three features. */
function tinyBatch(seed: number): Batch {
  const labels = Int32Array.from({ length: 8 }, (_, i) => (i + seed) % 3);
  const values = Float32Array.from(
    { length: 32 },
    (_, i) => Math.sin(i * 1.7 + seed) * 0.3 + (i % 4 === labels[Math.floor(i / 4)] ? 1 : 0),
  );
  return { images: tf.tensor2d(values, [8, 4]), labels: tf.tensor1d(labels, 'int32') };
}

/** The same batches in every epoch. */
export function tinySource(batches: number): BatchSource {
  return {
    examples: 8 * batches,
    batches,
    *epoch() {
      for (let i = 0; i < batches; i++) yield tinyBatch(i);
    },
  };
}
