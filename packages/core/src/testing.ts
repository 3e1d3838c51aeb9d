import type { Rng } from '@man/base';
import { createVariable, linear, relu, softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import type { Backbone, Batch, LocalLoss, Unit } from './contracts.ts';

/** A unit of one linear layer and ReLU over flat features, written out by hand: what people adapt their own layers to. */
function denseUnit(name: string, inputs: number, outputs: number, rng: Rng, stage: number, isRectified = true): Unit {
  const values = rng.normal(new Float32Array(inputs * outputs), 0, 1 / Math.sqrt(inputs));
  const weight = createVariable(tf.tensor2d(values, [inputs, outputs]));
  const bias = createVariable(tf.zeros([outputs]));
  return {
    name,
    stage,
    inputShape: [inputs],
    outputShape: [outputs],
    apply: (x) => tf.tidy(() => (isRectified ? relu(linear(x, weight, bias)) : linear(x, weight, bias))),
    parameters: () => ({ weight, bias }),
    buffers: () => ({}),
    clone: (other, init) => denseUnit(other, inputs, outputs, init === 'copy' ? rng : init, stage, isRectified),
    macs: () => inputs * outputs,
    dispose: () => tf.dispose([weight, bias]),
  };
}

/** Four dense units `a … d` of width 6 and a classifier of three classes. */
export function denseBackbone(): Backbone {
  return {
    name: 'dense',
    inputShape: [5],
    classes: 3,
    partitions: { 2: ['b'], 4: ['a', 'b', 'c'] },
    build(rng) {
      const unit = (name: string, i: number) => denseUnit(name, i === 0 ? 5 : 6, 6, rng.split(name), i);
      return {
        units: [unit('a', 0), unit('b', 1), unit('c', 2), unit('d', 3)],
        classifier: denseUnit('classifier', 6, 3, rng.split('classifier'), 3, false),
      };
    },
  };
}

/** A local loss of one linear layer under cross-entropy. */
export function denseLoss(): LocalLoss {
  return {
    name: 'dense',
    build({ featureShape, classes, rng }) {
      const head = denseUnit('head', featureShape[0] as number, classes, rng.split('head'), 0, false);
      return {
        loss(features, { labels }) {
          const logits = head.apply(features, true) as tf.Tensor2D;
          const total = softmaxCrossEntropy(logits, labels);
          return { total, terms: { classification: total }, logits };
        },
        parameters: () => ({ 'head.weight': head.parameters().weight as tf.Variable, 'head.bias': head.parameters().bias as tf.Variable }),
        buffers: () => ({}),
        dispose: () => head.dispose(),
      };
    },
  };
}

/** A batch of eight examples whose class can be read off the first three features. */
export function denseBatch(seed = 0): Batch {
  const labels = Int32Array.from({ length: 8 }, (_, i) => (i + seed) % 3);
  const values = Float32Array.from({ length: 40 }, (_, i) => {
    const isOwn = i % 5 === labels[Math.floor(i / 5)];
    return Math.sin(i * 1.7 + seed) * 0.3 + (isOwn ? 1 : 0);
  });
  return { images: tf.tensor2d(values, [8, 5]), labels: tf.tensor1d(labels, 'int32') };
}
