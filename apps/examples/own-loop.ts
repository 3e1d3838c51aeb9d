/** A hand-written loop of tfjs, two blocks, Adam; MAN is the lines that say `man` or `view`. `npx tsx apps/examples/own-loop.ts` */
import { fromFunctions, type UnitFunctions } from '@man/core';
import { shapes } from '@man/dataset-shapes';
import { useEngine } from '@man/ops';
import { createMan } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';

const STEPS = 60;
const BATCH = 32;
console.error((await useEngine('auto')).message);

function conv(inputShape: number[], filters: number): UnitFunctions & { readonly kernel: tf.Variable } {
  const kernel = tf.variable(tf.randomNormal<tf.Rank.R4>([3, 3, inputShape[2] as number, filters], 0, 0.2));
  return {
    kernel,
    inputShape,
    apply: (x: tf.Tensor4D) => tf.relu(tf.conv2d(x, kernel as tf.Tensor4D, 2, 'same')),
    parameters: () => [kernel],
    clone: () => conv(inputShape, filters),
  };
}

function classify(channels: number) {
  const kernel = tf.variable(tf.randomNormal<tf.Rank.R2>([channels, 10], 0, 0.2));
  return { kernel, apply: (x: tf.Tensor) => tf.matMul(tf.mean<tf.Tensor2D>(x, [1, 2]), kernel) };
}

const [block, next] = [conv([32, 32, 3], 16), conv([16, 16, 16], 32)];
const [head, classifier] = [classify(32), classify(32)];
const man = createMan({ momentum: 0.9 });
const view = man.view({ first: fromFunctions(next), name: 'block1' });

const { train } = shapes({ train: BATCH * STEPS, test: 10 });
const pictures = tf.div(tf.tensor4d(Float32Array.from(train.images as Uint8Array), [train.size, 32, 32, 3]), 127.5).sub(1) as tf.Tensor4D;
const labels = tf.oneHot(tf.tensor1d(Int32Array.from(train.labels), 'int32'), 10);
const adam = (): tf.Optimizer => tf.train.adam(0.01);
const [local, final] = [adam(), adam()]; // one per block
const crossEntropy = (y: tf.Tensor, logits: tf.Tensor) => tf.losses.softmaxCrossEntropy(y, logits).asScalar();

for (let step = 0; step < STEPS; step++) {
  const [first, second] = tf.tidy(() => {
    const x = tf.slice(pictures, step * BATCH, BATCH);
    const y = tf.slice(labels, step * BATCH, BATCH);
    const ofBlock = [block.kernel, head.kernel, ...Object.values(view.parameters())];
    const one = tf.variableGrads(() => crossEntropy(y, head.apply(view.apply(block.apply(x, true)))), ofBlock);
    // Outside of the gradient: for the second block its input is a constant.
    const features = block.apply(x, true);
    local.applyGradients(one.grads);
    const two = tf.variableGrads(() => crossEntropy(y, classifier.apply(next.apply(features, true))), [next.kernel, classifier.kernel]);
    final.applyGradients(two.grads);
    return [one.value, two.value];
  });
  man.update();
  if (step % 20 === 0 || step === STEPS - 1)
    console.log(`step ${step}: ${first.dataSync()[0]?.toFixed(3)} ${second.dataSync()[0]?.toFixed(3)}`);
  tf.dispose([first, second]);
}
