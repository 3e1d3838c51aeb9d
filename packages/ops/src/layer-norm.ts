import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineComposed, defineGradient } from './kernel.ts';

type Attributes = { readonly epsilon: number };
type Inputs = { readonly x: tf.Tensor; readonly weight: tf.Tensor; readonly bias: tf.Tensor };

/**
 * Layer normalisation along the last axis: `weight · (x - mean) / √(variance + ε) + bias`, the variance biased (`torch.layer_norm`).
 *
 * @param x `[…, features]` float32
 * @param weight `[features]`
 * @param bias `[features]`
 * @throws MAN_OPS_SHAPE
 * @see Ba et al., "Layer normalization", 2016
 */
export function layerNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor, bias: tf.Tensor, options: { readonly epsilon?: number } = {}): T {
  const features = x.shape[x.rank - 1] as number;
  for (const vector of [weight, bias])
    if (vector.rank !== 1 || vector.size !== features) throw shapeMismatch('layerNorm', `weight and bias of shape [${features}]`, vector);
  return norm({ x, weight, bias }, { epsilon: options.epsilon ?? 1e-6 }) as T;
}

/** Normalised rows, and what they were divided by. */
function normalised(x: tf.Tensor, { epsilon }: Attributes): { rows: tf.Tensor; deviation: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return { rows: tf.div(centred, deviation), deviation };
}

const norm = defineComposed<Inputs, Attributes, tf.Tensor>('ManLayerNorm', ({ x, weight, bias }, attributes) =>
  tf.add(tf.mul(normalised(x, attributes).rows, weight), bias),
);

/** Sums over all axes but the last. */
const perFeature = (x: tf.Tensor) => tf.sum(tf.reshape(x, [-1, x.shape[x.rank - 1] as number]), 0);

defineGradient<Attributes>('ManLayerNorm', {
  inputs: ['x', 'weight'],
  gradient: (dy, [x, weight], attributes) => ({
    x: () => {
      const { rows, deviation } = normalised(x!, attributes);
      const slope = tf.mul(dy, weight!);
      const along = tf.mul(rows, tf.mean(tf.mul(slope, rows), -1, true));
      return tf.div(tf.sub(tf.sub(slope, tf.mean(slope, -1, true)), along), deviation);
    },
    weight: () => perFeature(tf.mul(dy, normalised(x!, attributes).rows)),
    bias: () => perFeature(dy),
  }),
});
