import * as tf from '@tensorflow/tfjs';
import type { Batch } from './contracts.ts';

/** Disposes of a batch's tensors. */
export function disposeBatch(batch: Batch): void {
  tf.dispose([batch.images, batch.labels, batch.pixels ?? []]);
}
