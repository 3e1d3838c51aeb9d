import { softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { checkBatch, disposeBatch } from './batch.ts';
import type { Batch, BatchSource, Evaluation } from './contracts.ts';
import { noData } from './errors.ts';
import { countAmongFirst, countCorrect } from './metrics.ts';
import { nextTurn } from './next-turn.ts';
import type { Trainer } from './trainer.ts';

interface EvaluateOptions {
  readonly signal?: AbortSignal;
}

/** Accuracy and cross-entropy over the first epoch of a source, in evaluation mode, between the two hooks of evaluation. */
export async function evaluate(trainer: Trainer, source: BatchSource, options: EvaluateOptions): Promise<Evaluation> {
  let evaluation: Evaluation | null = null;
  try {
    await trainer.plugins.run('onEvaluateStart', source);
    evaluation = await measure(trainer, source, options);
    return evaluation;
  } finally {
    await trainer.plugins.run('onEvaluateEnd', evaluation);
  }
}

async function measure(trainer: Trainer, source: BatchSource, { signal }: EvaluateOptions): Promise<Evaluation> {
  const start = performance.now();
  let [examples, correct, among, loss] = [0, 0, 0, 0];
  for await (const batch of source.epoch(1)) {
    try {
      checkBatch(batch, trainer.backbone.inputShape, 1);
      const [right, near, mean] = score(trainer, batch);
      const n = batch.images.shape[0] as number;
      examples += n;
      correct += right;
      among += near;
      loss += mean * n;
    } finally {
      disposeBatch(batch);
    }
    await nextTurn();
    if (signal?.aborted) break;
  }
  if (examples === 0 && !signal?.aborted) throw noData('evaluate');
  const seconds = (performance.now() - start) / 1000;
  return { examples, accuracy: correct / examples, top5Accuracy: among / examples, loss: loss / examples, seconds };
}

/** How many of a batch are classified correctly, how many among the first five, and their mean cross-entropy. */
function score(trainer: Trainer, { images, labels }: Batch): readonly [number, number, number] {
  const logits = trainer.predict(images);
  const scores = tf.tidy(() =>
    tf.stack([countCorrect(logits, labels), countAmongFirst(5, logits, labels), softmaxCrossEntropy(logits, labels)]),
  );
  const [right, near, mean] = scores.dataSync();
  tf.dispose([logits, scores]);
  return [right as number, near as number, mean as number];
}
