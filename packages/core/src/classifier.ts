import { softmaxCrossEntropy } from '@man/ops';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import type { AuxiliaryNetwork, Unit } from './contracts.ts';

/** The last block's "auxiliary network": the network's own classifier under cross-entropy. */
export function classifierLoss(classifier: Unit): AuxiliaryNetwork {
  return {
    loss(features, batch) {
      const logits = classifier.apply(features, true) as Tensor2D;
      const total = softmaxCrossEntropy(logits, batch.labels as Tensor1D);
      return { total, terms: { classification: total }, logits };
    },
    parameters: () => classifier.parameters(),
    buffers: () => classifier.buffers(),
    ...(classifier.macs === undefined ? {} : { macs: () => classifier.macs?.() ?? 0 }),
    dispose: () => classifier.dispose(),
  };
}
