import type { Run, TrainerPlugin } from '@man/core';
import * as tf from '@tensorflow/tfjs';

/** Options of {@link myPlugin}. */
export interface MyPluginOptions {
  /** Variance of the noise in the first step; default 0.01. */
  readonly variance?: number;
}

/**
 * Adds normal noise to all gradients, less and less of it: of variance η / step^0.55.
 *
 * @see Neelakantan et al., "Adding Gradient Noise Improves Learning for Very Deep Networks", 2015
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), plugins: [myPlugin()] });
 * ```
 */
export function myPlugin({ variance = 0.01 }: MyPluginOptions = {}): TrainerPlugin {
  let rng: Run['rng'] | undefined;
  return {
    name: 'my-plugin',
    setup(run) {
      // A stream of the plugin's own, which a resumed run continues.
      rng = run.rng;
    },
    afterBackward({ gradients, step }) {
      const deviation = Math.sqrt(variance / step ** 0.55);
      const noise = (shape: number[]) => tf.randomNormal(shape, 0, deviation, 'float32', rng?.integer(2 ** 24));
      // Null for a variable without gradient. The trainer disposes of what it gave and of what it gets.
      return gradients.map((gradient) => gradient && tf.tidy(() => tf.add(gradient, noise(gradient.shape))));
    },
  };
}
