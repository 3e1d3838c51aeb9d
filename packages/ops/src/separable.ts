import * as tf from '@tensorflow/tfjs';

/**
 * Applies one matrix along the rows and one along the columns of every picture: how resizing and adaptive pooling are
 * composed where an engine has no kernel for them (and, transposed, for their gradients).
 *
 * @param x `[n, h, w, c]`
 * @param rows `[height, h]`
 * @param columns `[width, w]`
 * @returns `[n, height, width, c]`
 */
export function separable(x: tf.Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const [height] = rows.shape;
  const [width] = columns.shape;
  const tall = tf.matMul(rows, tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [h, n * w * c]) as tf.Tensor2D);
  const byColumn = tf.transpose(tf.reshape(tall, [height, n, w, c]), [2, 1, 0, 3]);
  const wide = tf.matMul(columns, tf.reshape(byColumn, [w, n * height * c]) as tf.Tensor2D);
  return tf.transpose(tf.reshape(wide, [width, n, height, c]), [1, 2, 0, 3]) as tf.Tensor4D;
}
