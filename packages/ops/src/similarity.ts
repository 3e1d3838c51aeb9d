import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineComposed, defineGradient } from './kernel.ts';

type None = Readonly<Record<string, never>>;
const NONE: None = {};

/**
 * How far the similarities of rows are from what they should be: `mean((clamp(rows · rowsᵀ, -1, 1) - targets)²)` over all n² entries,
 * the diagonal included. One operation; its gradient is found on the way.
 *
 * @param rows `[n, features]` float32; of length 1, for cosines
 * @param targets `[n, n]` float32; no gradient flows into them
 * @throws MAN_OPS_SHAPE
 */
export function similarityLoss(rows: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  if (rows.rank !== 2) throw shapeMismatch('similarityLoss', 'rows of shape [n, features]', rows);
  const [n] = rows.shape as [number, number];
  if (targets.rank !== 2 || targets.shape.some((size) => size !== n))
    throw shapeMismatch('similarityLoss', `targets of shape [${n},${n}]`, targets);
  return tf.tidy(() => loss({ rows, targets }, NONE)[0] as tf.Scalar);
}

/** Outputs: the loss, and its gradient but for the incoming factor. */
const loss = defineComposed<{ rows: tf.Tensor; targets: tf.Tensor }, None, tf.Tensor[]>('ManSimilarityLoss', ({ rows, targets }) => {
  const similarities = tf.matMul(rows as tf.Tensor2D, rows as tf.Tensor2D, false, true);
  const difference = tf.sub(tf.clipByValue(similarities, -1, 1), targets);
  // As PyTorch's clamp: what it cut off passes no gradient.
  const passed = tf.where(tf.greater(tf.abs(similarities), 1), tf.zerosLike(difference), difference);
  const slopes = tf.matMul(tf.add(passed, tf.transpose(passed)), rows);
  // Row by row: one sum over n² terms would lose digits.
  return [tf.mean(tf.mean(tf.square(difference), 1)), tf.mul(slopes, 2 / similarities.size)];
});

defineGradient('ManSimilarityLoss', {
  outputs: [false, true],
  gradient: (dy, [slopes]) => ({ rows: () => tf.mul(dy, slopes!) }),
});
