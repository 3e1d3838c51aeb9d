import { createRng } from '@man/base';
import type { Backbone, Batch, BatchSource, LocalLoss, Shape } from '@man/core';
import {
  batchNorm,
  buildNetwork,
  conv2d,
  defineUnit,
  flatten,
  globalAveragePool,
  linear,
  relu,
  sequential,
  type UnitFactory,
} from '@man/nn';
import { linear as affine, createVariable, relu as rectify, softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';

const volume = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Any shape to any shape: one linear layer and ReLU. */
export function projection(outputShape: Shape): UnitFactory {
  return (site) =>
    defineUnit(site, ({ inputShape, rng }) => {
      const [inputs, outputs] = [volume(inputShape), volume(outputShape)];
      const values = rng.split('weight').normal(new Float32Array(inputs * outputs), 0, Math.sqrt(2 / inputs));
      const weight = createVariable(tf.tensor2d(values, [inputs, outputs]));
      const bias = createVariable(tf.zeros([outputs]));
      return {
        outputShape,
        parameters: { weight, bias },
        macs: inputs * outputs,
        apply: (x) => tf.reshape(rectify(affine(tf.reshape(x, [-1, inputs]), weight, bias)), [-1, ...outputShape]),
      };
    });
}

/** Three units `a`, `b`, `c` whose outputs have given shapes, and a linear classifier. */
export function projectingBackbone(imageShape: Shape, featureShape: Shape, classes: number): Backbone {
  const plans = ['a', 'b', 'c'].map((name, i) => ({ name, stage: i + 1, factory: projection(featureShape) }));
  const classifier = sequential({ flatten: flatten(), linear: linear({ features: classes }) });
  return {
    name: 'projecting',
    inputShape: imageShape,
    classes,
    partitions: { 2: ['a'], 3: ['a', 'b'] },
    build: (rng) => buildNetwork(rng, imageShape, plans, classifier),
  };
}

/** Three convolutions with batch norm, the second of which halves the resolution and widens, and a classifier of three classes. */
export function convolutionalBackbone(): Backbone {
  const unit = (filters: number, stride: number) =>
    sequential({ conv: conv2d({ filters, kernel: 3, padding: 1, stride }), bn: batchNorm(), relu: relu() });
  const plans = [
    { name: 'a', stage: 1, factory: unit(4, 1) },
    { name: 'b', stage: 2, factory: unit(6, 2) },
    { name: 'c', stage: 2, factory: unit(6, 1) },
  ];
  return {
    name: 'convolutional',
    inputShape: [6, 6, 2],
    classes: 3,
    partitions: { 2: ['a'], 3: ['a', 'b'] },
    build: (rng) => buildNetwork(rng, [6, 6, 2], plans, sequential({ pool: globalAveragePool(), linear: linear({ features: 3 }) })),
  };
}

/** A local loss that pools, where there is something to pool, and classifies by one linear layer. */
export function linearLoss(): LocalLoss {
  return {
    name: 'linear',
    build({ featureShape, classes, rng }) {
      const flat = [{}, { flatten: flatten() }, { pool: globalAveragePool() }][featureShape.length - 1];
      const layers = { ...flat, linear: linear({ features: classes }) };
      const head = sequential(layers)({ name: 'head', inputShape: featureShape, rng: rng.split('head') });
      return {
        loss(features, { labels }) {
          const logits = head.apply(features, true) as tf.Tensor2D;
          const total = softmaxCrossEntropy(logits, labels);
          return { total, terms: { classification: total }, logits };
        },
        parameters: () => head.parameters(),
        buffers: () => head.buffers(),
        dispose: () => head.dispose(),
      };
    },
  };
}

/** Random pictures, which `pixels` has in [0, 1], with labels from 0 on. */
export function batchOf(imageShape: Shape, classes: number, examples: number, seed: number | string = 0): Batch {
  const values = createRng('batch')
    .split(`${seed}`)
    .uniform(new Float32Array(examples * volume(imageShape)));
  const shape = [examples, ...imageShape];
  const labels = Int32Array.from({ length: examples }, (_, i) => i % classes);
  return {
    images: tf.tensor(
      values.map((value) => 4 * value - 2),
      shape,
    ),
    labels: tf.tensor1d(labels, 'int32'),
    pixels: tf.tensor(values, shape),
  };
}

/** Batches of six examples that differ from epoch to epoch. */
export function sourceOf({ inputShape, classes }: Backbone, batches: number): BatchSource {
  return {
    examples: 6 * batches,
    batches,
    canSkip: true,
    *epoch(epoch, { from = 0 } = {}) {
      for (let i = from; i < batches; i++) yield batchOf(inputShape, classes, 6, `${epoch}.${i}`);
    },
  };
}
