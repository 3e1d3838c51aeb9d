import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';

const { layers } = tf;
const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });

/**
 * Sees to it that no test of a file leaves a tensor behind.
 *
 * @returns where tests put their optimizers, which are disposed of behind each
 */
export function withoutLeaks(): tf.Optimizer[] {
  const optimizers: tf.Optimizer[] = [];
  let before = 0;
  beforeAll(() => useEngine('auto'));
  beforeEach(() => {
    before = tf.memory().numTensors;
  });
  afterEach(() => {
    for (const optimizer of optimizers.splice(0)) optimizer.dispose();
    tf.disposeVariables();
    expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
  });
  return optimizers;
}

/** Dense layers, with batch norm and a regulariser. */
export function mlp(): tf.Sequential {
  return tf.sequential({
    layers: [
      layers.dense({ name: 'dense_1', units: 12, inputShape: [6], activation: 'relu', kernelInitializer: seeded(1) }),
      layers.dense({ name: 'dense_2', units: 10, kernelInitializer: seeded(2), kernelRegularizer: tf.regularizers.l2({ l2: 0.01 }) }),
      layers.batchNormalization({ name: 'bn_2' }),
      layers.activation({ name: 'relu_2', activation: 'relu' }),
      layers.dense({ name: 'dense_3', units: 8, activation: 'relu', kernelInitializer: seeded(3) }),
      layers.dense({ name: 'dense_4', units: 3, activation: 'softmax', kernelInitializer: seeded(4) }),
    ],
  });
}

/** MobileNetV1 in small: separable convolutions as depthwise and pointwise ones, each with batch norm and ReLU6. */
export function mobileNet(): tf.Sequential {
  const model = tf.sequential();
  const normalised = (name: string) => {
    model.add(layers.batchNormalization({ name: `${name}_bn` }));
    model.add(layers.reLU({ name: `${name}_relu`, maxValue: 6 }));
  };
  model.add(layers.conv2d({ name: 'conv1', filters: 4, kernelSize: 3, strides: 2, padding: 'same', useBias: false, inputShape: [12, 12, 3], kernelInitializer: seeded(1) })); // biome-ignore format: one line
  normalised('conv1');
  for (const [i, [filters, strides]] of (
    [
      [6, 1],
      [8, 2],
      [8, 1],
    ] as const
  ).entries()) {
    // biome-ignore format: one line
    const [dw, pw] = [`conv_dw_${i + 1}`, `conv_pw_${i + 1}`];
    model.add(layers.depthwiseConv2d({ name: dw, kernelSize: 3, strides, padding: 'same', useBias: false, depthwiseInitializer: seeded(10 + i) })); // biome-ignore format: one line
    normalised(dw);
    model.add(layers.conv2d({ name: pw, filters, kernelSize: 1, padding: 'same', useBias: false, kernelInitializer: seeded(20 + i) }));
    normalised(pw);
  }
  model.add(layers.globalAveragePooling2d({ name: 'pool' }));
  model.add(layers.dense({ name: 'classifier', units: 3, activation: 'softmax', kernelInitializer: seeded(30) }));
  return model;
}

/** A residual network in small: two stages of two residual units, the second with a projection. */
export function resNet(): tf.LayersModel {
  let seed = 1;
  const convolution = (x: tf.SymbolicTensor, name: string, filters: number, kernelSize: number, strides = 1) => {
    const conv = layers.conv2d({ name, filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer: seeded(seed++) });
    return layers.batchNormalization({ name: `${name}_bn` }).apply(conv.apply(x)) as tf.SymbolicTensor;
  };
  const relu = (x: tf.SymbolicTensor, name: string) => layers.reLU({ name }).apply(x) as tf.SymbolicTensor;
  const input = tf.input({ shape: [8, 8, 3] });
  let x = relu(convolution(input, 'conv', 4, 3), 'relu');
  for (const [i, [filters, strides]] of (
    [
      [4, 1],
      [4, 1],
      [6, 2],
      [6, 1],
    ] as const
  ).entries()) {
    // biome-ignore format: one line
    const n = i + 1;
    const a = relu(convolution(x, `conv_${n}a`, filters, 3, strides), `relu_${n}a`);
    const b = convolution(a, `conv_${n}b`, filters, 3);
    const shortcut = x.shape[3] === filters ? x : convolution(x, `conv_${n}c`, filters, 1, strides);
    x = relu(layers.add({ name: `add_${n}` }).apply([b, shortcut]) as tf.SymbolicTensor, `relu_${n}`);
  }
  const pooled = layers.globalAveragePooling2d({ name: 'pool' }).apply(x);
  const output = layers.dense({ name: 'classifier', units: 3, activation: 'softmax', kernelInitializer: seeded(99) }).apply(pooled);
  return tf.model({ inputs: input, outputs: output as tf.SymbolicTensor });
}

/** Examples that a model of three classes can learn, as `fit` takes them: noise around one pattern per class. */
export function examples(shape: readonly number[], n: number): { readonly x: tf.Tensor; readonly y: tf.Tensor2D } {
  return tf.tidy(() => {
    const classes = tf.tensor1d(Array.from({ length: n }, (_, i) => i % 3), 'int32'); // biome-ignore format: one line
    const patterns = tf.randomNormal([3, ...shape], 0, 1, 'float32', 5);
    const noise = tf.randomNormal([n, ...shape], 0, 0.5, 'float32', 1);
    return { x: tf.add(tf.gather(patterns, classes), noise), y: tf.cast(tf.oneHot(classes, 3) as tf.Tensor2D, 'float32') };
  });
}
