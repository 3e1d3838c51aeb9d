import { nearest } from '@man/base';
import type { Network } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { badOption, notAPicture, unitUnknown } from './errors.ts';
import { visitLayers } from './layers.ts';

export interface FeatureMapOptions {
  /** Name of the unit whose output is shown. */
  readonly unit: string;
  /** Channels shown besides their mean, from the first on; default 16, or as many as there are. */
  readonly channels?: number;
}

/** Maps of one picture, row by row, each stretched to 0 … 1; a map that is constant is 0. */
export interface FeatureMaps {
  readonly height: number;
  readonly width: number;
  /** Mean over all channels. */
  readonly mean: Float32Array;
  readonly channels: readonly Float32Array[];
}

/**
 * What a unit makes of pictures, in evaluation mode: the mean over its channels, and the first of them one by one.
 *
 * @param images `[n, ...inputShape]` normalised; they stay the caller's
 * @returns one entry per picture
 * @throws MAN_ANALYSIS_UNIT, MAN_ANALYSIS_NOT_A_PICTURE, MAN_ANALYSIS_OPTION
 * @see MAN paper Fig. 5
 * @example
 * ```ts
 * const [maps] = featureMaps(trainer.network, images, { unit: 'stage1.unit4' });
 * ```
 */
export function featureMaps({ units }: Network, images: tf.Tensor, { unit: name, channels = 16 }: FeatureMapOptions): FeatureMaps[] {
  if (!Number.isInteger(channels) || channels < 0) throw badOption('featureMaps', 'channels', 'a whole number ≥ 0', channels);
  const names = units.map((unit) => unit.name);
  const index = names.indexOf(name);
  const unit = units[index];
  if (unit === undefined) throw unitUnknown(name, names, nearest(name, names));
  if (unit.outputShape.length !== 3) throw notAPicture(name, unit.outputShape);
  const [height, width, depth] = unit.outputShape as [number, number, number];
  const shown = Math.min(channels, depth);
  // [n, 1 + shown, height · width], each row stretched.
  const values = tf.tidy(() => {
    let features: tf.Tensor | undefined;
    visitLayers(units.slice(0, index + 1), images, (output, i) => {
      if (i === index) features = tf.clone(output);
    });
    const flat = tf.transpose(tf.reshape(features as tf.Tensor, [-1, height * width, depth]), [0, 2, 1]);
    const rows = tf.concat([tf.mean(flat, 1, true), tf.slice(flat, [0, 0, 0], [-1, shown, -1])], 1);
    const [low, high] = [tf.min(rows, 2, true), tf.max(rows, 2, true)];
    return tf.divNoNan(tf.sub(rows, low), tf.sub(high, low));
  });
  const numbers = values.dataSync() as Float32Array;
  const [n] = values.shape as [number];
  values.dispose();
  const map = (image: number, row: number) => {
    const at = (image * (1 + shown) + row) * height * width;
    return numbers.slice(at, at + height * width);
  };
  return Array.from({ length: n }, (_, image) => ({
    height,
    width,
    mean: map(image, 0),
    channels: Array.from({ length: shown }, (_, channel) => map(image, 1 + channel)),
  }));
}
