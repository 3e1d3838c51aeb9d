/** A local loss of one's own: each block predicts the mean colour of its picture, and the class. `npx tsx apps/examples/custom-loss.ts` */
import { resnet } from '@man/backbone-resnet';
import { createTrainer, type LocalLoss, prefixed } from '@man/core';
import { evaluationLoader, trainingLoader } from '@man/data';
import { shapes } from '@man/dataset-shapes';
import { globalAveragePool, linear, sequential } from '@man/nn';
import { softmaxCrossEntropy, useEngine, weightedSum } from '@man/ops';
import { man } from '@man/plugin';
import { lossConformance } from '@man/testkit';
import * as tf from '@tensorflow/tfjs';

console.error((await useEngine('auto')).message);

/** Cross-entropy of a linear classifier, and a quarter of the squared error of a linear guess at the mean colour. */
function colourAndClass(): LocalLoss {
  return {
    name: 'colour-and-class',
    build({ featureShape, imageShape, classes, rng }) {
      const part = (name: string, features: number) =>
        sequential({ pool: globalAveragePool(), linear: linear({ features }) })({ name, inputShape: featureShape, rng: rng.split(name) });
      const [head, colour] = [part('head', classes), part('colour', imageShape[2] as number)];
      return {
        loss(features, { labels, pixels }) {
          const logits = head.apply(features, true) as tf.Tensor2D;
          const classification = softmaxCrossEntropy(logits, labels);
          const reconstruction = tf.tidy(() => {
            const target = tf.mean(pixels as tf.Tensor, [1, 2]);
            return tf.mean(tf.squaredDifference(colour.apply(features, true), target)).asScalar();
          });
          return { total: weightedSum([classification, reconstruction], [1, 0.25]), terms: { classification, reconstruction }, logits };
        },
        parameters: () => prefixed({ head: head.parameters(), colour: colour.parameters() }),
        buffers: () => ({}),
        dispose: () => [head, colour].forEach((unit) => void unit.dispose()),
      };
    },
  };
}

for (const { name, run } of lossConformance(colourAndClass)) {
  await run();
  console.log(`✓ ${name}`);
}

const dataset = shapes({ train: 640, test: 64 });
const trainer = createTrainer({
  backbone: resnet({ depth: 8, width: 8 }),
  partition: { blocks: 4 },
  loss: colourAndClass(),
  plugins: [man()],
  schedule: () => 0.05,
});
const { epochs } = await trainer.fit(trainingLoader(dataset, { batch: 32, seed: 1 }), {
  epochs: 2,
  evaluate: evaluationLoader(dataset, { batch: 32 }),
});
for (const { epoch, blocks } of epochs) console.log(`epoch ${epoch}: ${blocks.map(({ loss }) => loss.toFixed(3)).join(' ')}`);
trainer.dispose();
