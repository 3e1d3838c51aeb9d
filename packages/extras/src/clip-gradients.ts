import type { TrainerPlugin } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { badOption, clipConflict } from './errors.ts';

/** Options of {@link clipGradients}: one of the two. */
export interface ClipGradientsOptions {
  /** Greatest Euclidean length of the gradients of a block, all its variables taken as one vector; a longer one is scaled down to it. */
  readonly norm?: number;
  /** Greatest absolute value of each number of a gradient; what lies beyond is set to it. */
  readonly value?: number;
}

/**
 * Clips gradients before the optimiser sees them, block by block: a block's backward pass ends before the next one's begins, so there is no
 * length over several blocks. With one block, end-to-end training, it is the length over the whole network.
 *
 * Everything stays on the engine: nothing is read back. Gradients that are not finite stay so.
 *
 * @throws MAN_EXTRAS_OPTION, MAN_EXTRAS_CLIP
 * @example
 * ```ts
 * createTrainer({ ..., plugins: [man(), clipGradients({ norm: 1 })] });
 * ```
 */
export function clipGradients({ norm, value }: ClipGradientsOptions): TrainerPlugin {
  if ((norm === undefined) === (value === undefined)) throw clipConflict(norm === undefined ? 'neither' : 'both');
  for (const [option, limit] of Object.entries({ norm, value }))
    if (limit !== undefined && !(limit > 0)) throw badOption('clipGradients', option, 'a number above 0', limit);
  const clip = value === undefined ? scaledTo(norm as number) : boundedBy(value);
  return {
    name: 'clip-gradients',
    afterBackward: ({ gradients }) => tf.tidy(() => clip(gradients) as tf.Tensor[]),
  };
}

type Gradients = readonly (tf.Tensor | null)[];

/** Elementwise, variable by variable. */
function boundedBy(value: number) {
  return (gradients: Gradients) => gradients.map((gradient) => gradient && tf.clipByValue(gradient, -value, value));
}

/** All by one factor, as PyTorch's `clip_grad_norm_`. */
function scaledTo(norm: number) {
  return (gradients: Gradients) => {
    const squares = gradients.flatMap((gradient) => (gradient === null ? [] : [tf.sum(tf.square(gradient))]));
    if (squares.length === 0) return gradients;
    const factor = tf.minimum(1, tf.div(norm, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)));
    return gradients.map((gradient) => gradient && tf.mul(gradient, factor));
  };
}
