import type { Batch, BatchSource } from '@man/core';
import { outputShape } from './augment.ts';
import { type Dataset, type ImageShape, type ImageSplit, volume } from './dataset.ts';
import { invalidOption } from './errors.ts';
import { type LoaderOptions, settle } from './loader-options.ts';
import { iterate, type LoaderState } from './pass.ts';
import { limitedIndices } from './plan.ts';
import { createPreparer, type Preparer } from './preparer.ts';
import { createSlots } from './slots.ts';

/** Batches of a split, prepared ahead of training. */
export interface Loader extends BatchSource {
  /** `[height, width, channels]` of the batches, after cropping. */
  readonly imageShape: ImageShape;
  /** Threads that prepare; 0 when batches are prepared on the calling thread. */
  readonly workers: number;
  /**
   * The batches of epoch 1, 2, …, from batch `from` (0-based, default 0) on: the same that an epoch from its start gives there.
   *
   * Whoever takes a batch disposes of its tensors. Leaving the iteration early, also by an exception, ends the threads.
   *
   * @throws `MAN_DATA_WORKER_FAILED`, `MAN_DATA_IMAGE`, `MAN_DATA_CLOSED`
   */
  epoch(epoch: number, options?: { readonly from?: number }): AsyncIterable<Batch>;
  /** Ends the threads and frees the memory; iterations under way end with `MAN_DATA_CLOSED`. */
  close(): Promise<void>;
}

/**
 * A source of batches: shuffled, augmented, scaled and normalised ahead of training, on worker threads, in memory that is used again.
 *
 * `batch.pixels` are the augmented pictures / 255; `batch.images` are `(pixels - mean) / std`. What is drawn
 * depends on seed, epoch and batch only: neither on the number of threads nor on how far ahead they work. No thread keeps the process
 * from ending; idle ones end after ten seconds.
 *
 * @throws `MAN_DATA_OPTION`, `MAN_DATA_SPLIT`, `MAN_DATA_WORKER_MISSING`
 *
 * @example
 * ```ts
 * const loader = createLoader(dataset.train, { batch: 128, seed: 7, shuffle: true, augment: { pad: 4, flip: true } });
 * for await (const batch of loader.epoch(1)) {
 *   // train on batch.images and batch.labels, then:
 *   dispose({ ...batch });
 * }
 * await loader.close();
 * ```
 */
export function createLoader(split: ImageSplit, options: LoaderOptions): Loader {
  return createLoaderWith(split, options, undefined);
}

/**
 * The loader for training on a data set: its training half, shuffled, augmented and normalised as is customary for it.
 *
 * @throws as {@link createLoader}
 */
export function trainingLoader(dataset: Dataset, options: LoaderOptions): Loader {
  return createLoader(dataset.train, {
    shuffle: true,
    augment: dataset.augmentation,
    normalization: dataset.normalization,
    ...options,
  });
}

/**
 * The loader for evaluation on a data set: its test half in order, normalised, not augmented.
 *
 * @throws as {@link createLoader}
 */
export function evaluationLoader(dataset: Dataset, options: LoaderOptions): Loader {
  return createLoader(dataset.test, { normalization: dataset.normalization, ...options });
}

/** {@link createLoader} with the worker thread's program named, for tests that run from sources. */
export function createLoaderWith(split: ImageSplit, options: LoaderOptions, workerFile: string | undefined): Loader {
  const settings = settle(split, options);
  const preparer = createPreparer(settings.workers, settings.prefetch, 'locate' in split.images, workerFile);
  const shape = outputShape(split.imageShape, settings.recipe);
  const direct = readsInPlace(split, preparer);
  const size = settings.batch * volume(shape);
  const isGathered = !direct && !('locate' in split.images);
  const slots = createSlots({
    raw: isGathered ? settings.batch * volume(split.imageShape) : 0,
    pixels: settings.pixels || settings.normalization === null ? size : 0,
    images: settings.normalization === null ? 0 : size,
  });
  const indices = limitedIndices(split.size, settings.limit);
  const batches = settings.dropLast ? Math.floor(indices.length / settings.batch) : Math.ceil(indices.length / settings.batch);
  const state: LoaderState = { closed: false, passes: 0 };
  return {
    examples: settings.dropLast ? batches * settings.batch : indices.length,
    batches,
    canSkip: true,
    imageShape: shape,
    workers: preparer.workers,
    epoch(epoch, { from = 0 } = {}) {
      if (!Number.isInteger(epoch) || epoch < 1) throw invalidOption('epoch', 'a whole number of at least 1', epoch);
      if (!Number.isInteger(from) || from < 0 || from > batches) throw invalidOption('from', `a batch, 0 … ${batches}`, from);
      return iterate({ split, settings, preparer, slots, direct, shape, batches, state, epoch, from, indices });
    },
    async close() {
      state.closed = true;
      slots.clear();
      await preparer.stop();
    },
  };
}

/** Threads read shared memory in place; other memory would be copied whole with every task. */
function readsInPlace({ images }: ImageSplit, { workers }: Preparer): boolean {
  return images instanceof Uint8Array && (workers === 0 || images.buffer instanceof SharedArrayBuffer);
}
