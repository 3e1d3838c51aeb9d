/** A plugin of one's own: tells how long the gradients of each block are. `npx tsx apps/examples/custom-plugin.ts` */
import { resnet } from '@man/backbone-resnet';
import { createTrainer, type TrainerPlugin } from '@man/core';
import { trainingLoader } from '@man/data';
import { shapes } from '@man/dataset-shapes';
import { dgl } from '@man/loss-dgl';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';

console.error((await useEngine('auto')).message);

/** Hands the mean length of each block's gradients to `tell`, epoch by epoch. */
function gradientLengths(tell: (epoch: number, lengths: readonly number[]) => void): TrainerPlugin {
  let lengths: tf.Scalar[][] = [];
  return {
    name: 'gradient-lengths',
    // One tensor per block and step stays on the engine: reading each would make the trainer wait.
    afterBackward({ block: { index }, gradients }) {
      const length = tf.tidy(() =>
        tf.sqrt(tf.addN(gradients.filter((slope) => slope !== null).map((slope) => tf.sum(tf.square(slope)).asScalar()))),
      );
      lengths[index] = [...(lengths[index] ?? []), tf.keep(length) as tf.Scalar];
    },
    onEpochEnd({ epoch }) {
      tell(
        epoch,
        lengths.map((block) => tf.tidy(() => tf.mean(tf.stack(block)).dataSync()[0] as number)),
      );
      tf.dispose(lengths);
      lengths = [];
    },
    dispose: () => tf.dispose(lengths),
  };
}

const trainer = createTrainer({
  backbone: resnet({ depth: 8, width: 8 }),
  partition: { blocks: 4 },
  loss: dgl(),
  plugins: [gradientLengths((epoch, lengths) => console.log(`epoch ${epoch}: ${lengths.map((length) => length.toFixed(3)).join(' ')}`))],
  schedule: () => 0.05,
});
await trainer.fit(trainingLoader(shapes({ train: 320, test: 10 }), { batch: 32, seed: 1 }), { epochs: 2 });
trainer.dispose();
