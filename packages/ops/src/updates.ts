import * as tf from '@tensorflow/tfjs';
import type { FlatVariables } from './flat-variables.ts';
import { nativeTensorFlow } from './kernel.ts';

export interface SgdOptions {
  readonly learningRate: number;
  /** 0 … 1. */
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/**
 * One step of SGD over many parameters at once, in PyTorch's form:
 * `g ← g + weightDecay·w; v ← momentum·v + g; w ← w - learningRate·(nesterov ? g + momentum·v : v)`.
 *
 * @param weights what is updated
 * @param velocity `[Σ sizes]`, the momentum so far; disposed of
 * @param gradients one per variable, of its shape; they stay the caller's
 * @returns the new velocity, the caller's
 */
export function sgdUpdate(
  weights: FlatVariables,
  velocity: tf.Tensor1D,
  gradients: readonly tf.Tensor[],
  options: SgdOptions,
): tf.Tensor1D {
  const { learningRate, momentum, nesterov, weightDecay } = options;
  const raw = nativeTensorFlow();
  if (raw !== undefined) {
    const settings = tf.tensor1d([learningRate, momentum, weightDecay]);
    const n = weights.variables.length;
    const results = raw.many('ManSgd', [...weights.variables, ...gradients, velocity, settings], n + 1, { n, nesterov });
    const moved = results.pop() as tf.Tensor1D;
    weights.assign(results);
    tf.dispose([settings, velocity]);
    return moved;
  }
  const [updated, moved] = tf.tidy(() => {
    const w = weights.read();
    const joined = weights.join(gradients);
    const gradient = weightDecay === 0 ? joined : tf.add(joined, tf.mul(w, weightDecay));
    const v = tf.add(tf.mul(velocity, momentum), gradient);
    const direction = nesterov ? tf.add(gradient, tf.mul(v, momentum)) : v;
    return [tf.sub(w, tf.mul(direction, learningRate)), v] as [tf.Tensor1D, tf.Tensor1D];
  });
  velocity.dispose();
  weights.write(updated);
  return moved;
}

/**
 * Moves every target towards its source: `target ← momentum·target + (1 - momentum)·source`, over many tensors at once.
 *
 * @param sources one per variable of `targets`, of its shape
 */
export function emaUpdate(targets: FlatVariables, sources: readonly tf.Tensor[], momentum: number): void {
  const raw = nativeTensorFlow();
  if (raw !== undefined) {
    const weights = tf.tensor1d([momentum, 1 - momentum]);
    const n = targets.variables.length;
    targets.assign(raw.many('ManMoveAverage', [...targets.variables, ...sources, weights], n, { n }));
    weights.dispose();
    return;
  }
  const moved = tf.tidy(() => {
    const source = targets.join(sources);
    return tf.add(tf.mul(targets.read(), momentum), tf.mul(source, 1 - momentum)) as tf.Tensor1D;
  });
  targets.write(moved);
}
