import * as tf from '@tensorflow/tfjs';
import type { Batch, Shape } from './contracts.ts';
import { batchLabels, batchShape, batchTooSmall } from './errors.ts';

/** Disposes of a batch's tensors. */
export function disposeBatch(batch: Batch): void {
  tf.dispose([batch.images, batch.labels, batch.pixels ?? []]);
}

/**
 * @param least examples: batch normalisation cannot be trained with one
 * @throws MAN_CORE_BATCH_SHAPE, MAN_CORE_BATCH_LABELS, MAN_CORE_BATCH_TOO_SMALL
 */
export function checkBatch({ images, labels }: Batch, inputShape: Shape, least = 2): void {
  if (images.shape.slice(1).join() !== inputShape.join()) throw batchShape(inputShape, images.shape);
  const n = images.shape[0] as number;
  if (labels.dtype !== 'int32' || labels.rank !== 1 || labels.shape[0] !== n)
    throw batchLabels(n, `${labels.dtype} [${labels.shape.join(',')}]`);
  if (n < least) throw batchTooSmall();
}
