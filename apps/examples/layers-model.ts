/** A model of tfjs-layers in the manner of MobileNet, trained by `fit` in four blocks with MAN. `npx tsx apps/examples/layers-model.ts` */
import { shapes } from '@man/dataset-shapes';
import { localLearning } from '@man/layers';
import { dgl } from '@man/loss-dgl';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';

console.error((await useEngine('auto')).message);

/** Depthwise and pointwise convolution, each with batch norm and ReLU. */
function separable(x: tf.SymbolicTensor, filters: number, strides: number): tf.SymbolicTensor {
  const normalised = (y: tf.SymbolicTensor) => tf.layers.reLU().apply(tf.layers.batchNormalization().apply(y)) as tf.SymbolicTensor;
  const deep = tf.layers.depthwiseConv2d({ kernelSize: 3, strides, padding: 'same', useBias: false }).apply(x) as tf.SymbolicTensor;
  return normalised(tf.layers.conv2d({ filters, kernelSize: 1, useBias: false }).apply(normalised(deep)) as tf.SymbolicTensor);
}

const input = tf.input({ shape: [32, 32, 3] });
let x = tf.layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(input) as tf.SymbolicTensor;
for (const [filters, strides] of [[16, 2], [32, 1], [32, 2], [64, 1]] as const) x = separable(x, filters, strides); // biome-ignore format: a list
const pooled = tf.layers.globalAveragePooling2d({}).apply(x) as tf.SymbolicTensor;
const model = tf.model({
  inputs: input,
  outputs: tf.layers.dense({ units: 10, activation: 'softmax' }).apply(pooled) as tf.SymbolicTensor,
});
model.compile({ optimizer: tf.train.adam(0.005), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });

const { train } = shapes({ train: 640, test: 10 });
const pictures = tf.div(tf.tensor4d(Float32Array.from(train.images as Uint8Array), [train.size, 32, 32, 3]), 127.5).sub(1);
const labels = tf.oneHot(tf.tensor1d(Int32Array.from(train.labels), 'int32'), 10);

const local = localLearning(model, { blocks: 4, loss: dgl(), man: { momentum: 0.9 } });
console.log(local.blocks.length, 'blocks');
const { history } = await local.fit(pictures, labels, { batchSize: 32, epochs: 2, validationSplit: 0.1, verbose: 0 });
for (const [name, values] of Object.entries(history)) console.log(name, values.map((value) => Number(value).toFixed(3)).join(' '));
local.dispose();
