import type { Network, Unit } from '@man/core';
import * as tf from '@tensorflow/tfjs';

/** A layer whose output is looked at: a unit, or the classifier, whose output are the logits. */
export function layersOf({ units, classifier }: Network): readonly Unit[] {
  return [...units, classifier];
}

/**
 * Applies a network's units one by one in evaluation mode and gives `visit` the output of each, which is freed behind it.
 *
 * @param images `[n, ...inputShape]`; they stay the caller's
 */
export function visitLayers(layers: readonly Unit[], images: tf.Tensor, visit: (output: tf.Tensor, layer: number) => void): void {
  let x = images;
  layers.forEach((unit, i) => {
    const y = tf.tidy(() => unit.apply(x, false));
    if (x !== images) x.dispose();
    x = y;
    visit(y, i);
  });
  if (x !== images) x.dispose();
}

/** Mean over height and width of `[n,h,w,c]`; flat features as they are. */
export function pooled(features: tf.Tensor): tf.Tensor2D {
  return features.rank === 4 ? tf.mean(features, [1, 2]) : (tf.reshape(features, [features.shape[0] as number, -1]) as tf.Tensor2D);
}
