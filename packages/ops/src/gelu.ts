import * as tf from '@tensorflow/tfjs';
import { defineComposed, defineGradient } from './kernel.ts';

type None = Readonly<Record<string, never>>;
const NONE: None = {};
const ROOT_HALF = Math.SQRT1_2;
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/**
 * `x · Φ(x)`, Φ the distribution function of the standard normal (`torch.nn.GELU`, not its approximation by tanh).
 *
 * @param x float32, any shape
 * @see Hendrycks and Gimpel, "Gaussian error linear units", 2016
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return activation({ x }, NONE) as T;
}

const share = (x: tf.Tensor) => tf.mul(tf.add(tf.erf(tf.mul(x, ROOT_HALF)), 1), 0.5);

const activation = defineComposed<{ x: tf.Tensor }, None, tf.Tensor>('ManGelu', ({ x }) => tf.mul(x, share(x)));

defineGradient('ManGelu', {
  inputs: ['x'],
  gradient: (dy, [x]) => ({
    x: () => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), DENSITY);
      return tf.mul(dy, tf.add(share(x!), tf.mul(x!, density)));
    },
  }),
});
