import type { LocalLoss } from '@man/core';
import * as nn from '@man/nn';
import * as ops from '@man/ops';
import type * as tf from '@tensorflow/tfjs';

/** Options of {@link myLoss}. */
export interface MyLossOptions {
  /** Values of the hidden layer; default 32. */
  readonly hidden?: number;
}

/**
 * A local loss: each block classifies by a small head of its own, which averages the picture and has one hidden layer.
 *
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: myLoss() });
 * ```
 */
export function myLoss({ hidden = 32 }: MyLossOptions = {}): LocalLoss {
  return {
    name: 'my-loss',
    // What it says against a place, so that the trainer looks for another one.
    objection: ({ featureShape }) =>
      featureShape.length === 3 ? null : `averages pictures, and is given features of shape [${featureShape.join(',')}]`,
    build({ featureShape, classes, rng }) {
      const layers = {
        pool: nn.globalAveragePool(),
        hidden: nn.linear({ features: hidden }),
        relu: nn.relu(),
        output: nn.linear({ features: classes }),
      };
      const head = nn.sequential(layers)({ name: 'head', inputShape: featureShape, rng: rng.split('head') });
      return {
        loss(features, { labels }) {
          const logits = head.apply(features, true) as tf.Tensor2D;
          const total = ops.softmaxCrossEntropy(logits, labels);
          return { total, terms: { classification: total }, logits };
        },
        parameters: () => head.parameters(),
        buffers: () => head.buffers(),
        macs: () => head.macs?.() ?? 0,
        dispose: () => head.dispose(),
      };
    },
  };
}
