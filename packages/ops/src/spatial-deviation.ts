import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineComposed, defineGradient } from './kernel.ts';

type None = Readonly<Record<string, never>>;
const NONE: None = {};

/**
 * Standard deviation of each channel over height and width, unbiased (`torch.std`). A channel without any spread passes no gradient,
 * where the plain formula would divide by zero.
 *
 * @param x `[n, h, w, c]` float32, at least two pixels
 * @returns `[n, c]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function spatialDeviation(x: tf.Tensor): tf.Tensor2D {
  if (x.rank !== 4 || (x.shape[1] as number) * (x.shape[2] as number) < 2)
    throw shapeMismatch('spatialDeviation', 'x of shape [n, height, width, channels] with at least two pixels', x);
  return deviation({ x }, NONE);
}

const freedom = ({ shape }: tf.Tensor) => (shape[1] as number) * (shape[2] as number) - 1;

const deviation = defineComposed<{ x: tf.Tensor }, None, tf.Tensor2D>('ManSpatialDeviation', ({ x }) => {
  const spread = tf.squaredDifference(x, tf.mean(x, [1, 2], true));
  return tf.sqrt(tf.div(tf.sum(spread, [1, 2]), freedom(x))) as tf.Tensor2D;
});

defineGradient('ManSpatialDeviation', {
  inputs: ['x'],
  outputs: [true],
  gradient: (dy, [x, y]) => ({
    x: () => {
      const [n, , , c] = x!.shape as [number, number, number, number];
      const slope = tf.reshape(tf.divNoNan(dy, tf.mul(y!, freedom(x!))), [n, 1, 1, c]);
      return tf.mul(tf.sub(x!, tf.mean(x!, [1, 2], true)), slope);
    },
  }),
});
