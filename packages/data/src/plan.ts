import { createRng, type Rng } from '@man/base';

/** Which pictures an epoch shows and where its random numbers come from. */
export interface EpochPlan {
  /** Indices into the split, in order of appearance. */
  readonly order: Uint32Array;
  /** The stream of batch `index` (0-based) of this epoch. */
  batchRng(index: number): Rng;
}

/**
 * The pictures a limited loader uses, ascending: the first `limit` of a permutation that depends on `size` only.
 *
 * Not the first of the file, since some sets are sorted by class; not of the seed, so runs with other seeds see the same pictures.
 */
export function limitedIndices(size: number, limit: number): Uint32Array {
  if (limit >= size) return Uint32Array.from({ length: size }, (_, i) => i);
  return createRng('limit').permutation(size).slice(0, limit).sort();
}

/**
 * Plans an epoch (1, 2, …). Streams, all split from `createRng(seed)`:
 * `epoch:<e>` → `order` → one permutation when shuffled; `epoch:<e>` → `batch:<index, 0-based>` → the batch's augmentation.
 */
export function planEpoch(indices: Uint32Array, seed: number | string, epoch: number, shuffle: boolean): EpochPlan {
  const rng = createRng(seed).split(`epoch:${epoch}`);
  const order = shuffle
    ? rng
        .split('order')
        .permutation(indices.length)
        .map((i) => indices[i] as number)
    : indices;
  return { order, batchRng: (index) => rng.split(`batch:${index}`) };
}
