import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineComposed, defineGradient } from './kernel.ts';

export interface NormalizeRowsOptions {
  /** Whether each row's own mean is taken from it first; default false. */
  readonly center?: boolean;
  /** Added to the length that a row is divided by; default 1e-12. */
  readonly epsilon?: number;
}

type Attributes = { readonly center: boolean; readonly epsilon: number };

/**
 * Rows divided by their length (L2 norm), perhaps centred first. A row of zeros stays one and passes no gradient, where the plain
 * formula would divide by zero.
 *
 * @param x `[n, features]` float32
 * @returns `[n, features]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function normalizeRows(x: tf.Tensor, options: NormalizeRowsOptions = {}): tf.Tensor2D {
  if (x.rank !== 2) throw shapeMismatch('normalizeRows', 'x of shape [n, features]', x);
  return normalize({ x }, { center: options.center ?? false, epsilon: options.epsilon ?? 1e-12 });
}

const centred = (x: tf.Tensor, { center }: Attributes) => (center ? tf.sub(x, tf.mean(x, 1, true)) : x);
const lengths = (rows: tf.Tensor) => tf.sqrt(tf.sum(tf.square(rows), 1, true));

const normalize = defineComposed<{ x: tf.Tensor }, Attributes, tf.Tensor2D>('ManNormalizeRows', ({ x }, attributes) => {
  const rows = centred(x, attributes);
  return tf.div(rows, tf.add(lengths(rows), attributes.epsilon));
});

defineGradient<Attributes>('ManNormalizeRows', {
  inputs: ['x'],
  outputs: [true],
  gradient: (dy, [x, y], attributes) => ({
    x: () => {
      const rows = centred(x!, attributes);
      const length = lengths(rows);
      const along = tf.sum(tf.mul(y!, dy), 1, true);
      const across = tf.div(dy, tf.add(length, attributes.epsilon));
      const slope = tf.where(tf.greater(length, 0), tf.sub(across, tf.divNoNan(tf.mul(y!, along), length)), tf.zerosLike(dy));
      return centred(slope, attributes);
    },
  }),
});
