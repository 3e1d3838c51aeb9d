import { createHash } from 'node:crypto';
import type { Batch } from '@man/core';
import { dispose } from '@tensorflow/tfjs';
import { allocateImages, type ImageSplit } from '../dataset.ts';

/** Pictures whose every byte tells where it comes from. */
export function countingSplit(size: number, shape: readonly [number, number, number] = [8, 8, 3], shared = true): ImageSplit {
  const images = shared ? allocateImages(size, shape) : new Uint8Array(size * shape[0] * shape[1] * shape[2]);
  for (let i = 0; i < images.length; i++) images[i] = (i * 7 + (i >>> 8) * 13) & 255;
  return { name: 'counting', size, imageShape: shape, images, labels: Uint8Array.from({ length: size }, (_, i) => i % 10) };
}

/** A batch off the engine; its tensors are disposed of. */
export interface PlainBatch {
  readonly images: Float32Array;
  readonly pixels: Float32Array;
  readonly labels: readonly number[];
  readonly shape: readonly number[];
}

export function plain(batch: Batch): PlainBatch {
  const result = {
    images: batch.images.dataSync<'float32'>(),
    pixels: (batch.pixels ?? batch.images).dataSync<'float32'>(),
    labels: [...batch.labels.dataSync()],
    shape: batch.images.shape,
  };
  dispose({ ...batch });
  return result;
}

/** All batches of an iteration. */
export async function all(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<PlainBatch[]> {
  const result: PlainBatch[] = [];
  for await (const batch of batches) result.push(plain(batch));
  return result;
}

/** One number for all pixels and labels, little-endian. */
export function digest(batches: readonly PlainBatch[]): string {
  const hash = createHash('sha256');
  for (const { pixels, labels } of batches)
    hash.update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)).update(Uint8Array.from(labels));
  return hash.digest('hex').slice(0, 16);
}
