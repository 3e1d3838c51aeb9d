import { createRng } from '@man/base';
import { type Batch, type BatchSource, disposeBatch } from '@man/core';
import { shapes } from '@man/dataset-shapes';
import * as tf from '@tensorflow/tfjs';
import type { FeatureMap } from './messages.ts';

/** Batches of an epoch, and of an evaluation. */
const TRAIN = 60;
const TEST = 6;
const SIDE = 32;
const PICTURE = SIDE * SIDE * 3;

/** The pictures of a contest, in batches of one size. */
export interface Pictures {
  /** Batch number `step`, the same for each method; the caller's. */
  batch(step: number): Batch;
  readonly test: BatchSource;
  /** The first test picture, `[1, 32, 32, 3]` normalised; the caller's. */
  example(): tf.Tensor;
  /** The same picture for the eye. */
  readonly shown: FeatureMap;
  readonly label: string;
}

export function createPictures(seed: number, size: number): Pictures {
  const { train, test, normalization, classes } = shapes({ seed, train: TRAIN * size, test: TEST * size });
  const order = createRng(seed).split('order');
  const orders: Uint32Array[] = [];
  /** Normalised pictures at these places. */
  const read = ({ images, labels }: typeof train, places: ArrayLike<number>): Batch => {
    const bytes = new Float32Array(places.length * PICTURE);
    const found = new Int32Array(places.length);
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number;
      bytes.set((images as Uint8Array).subarray(place * PICTURE, (place + 1) * PICTURE), i * PICTURE);
      found[i] = labels[place] as number;
    }
    return tf.tidy(() => {
      const pixels = tf.div(tf.tensor4d(bytes, [places.length, SIDE, SIDE, 3]), 255);
      const images = tf.div(tf.sub(pixels, [...normalization.mean]), [...normalization.std]);
      return { images, labels: tf.tensor1d(found, 'int32') };
    }) as Batch;
  };
  return {
    batch(step) {
      const epoch = Math.floor(step / TRAIN);
      orders[epoch] ??= order.split(`${epoch}`).permutation(train.size);
      const from = (step % TRAIN) * size;
      return read(train, orders[epoch].subarray(from, from + size));
    },
    test: {
      examples: test.size,
      batches: TEST,
      async *epoch() {
        for (let i = 0; i < test.size; i += size)
          yield read(
            test,
            Array.from({ length: size }, (_, k) => i + k),
          );
      },
    },
    example() {
      const batch = read(test, [0]);
      const images = tf.clone(batch.images);
      disposeBatch(batch);
      return images;
    },
    shown: { height: SIDE, width: SIDE, pixels: new Uint8ClampedArray((test.images as Uint8Array).slice(0, PICTURE)) },
    label: classes[test.labels[0] as number] as string,
  };
}
