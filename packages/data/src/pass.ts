import type { Batch } from '@man/core';
import { clone, tensor, tensor1d } from '@tensorflow/tfjs';
import { drawPlacements, type Finished } from './augment.ts';
import { type ImageShape, type ImageSplit, volume } from './dataset.ts';
import { imageUnreadable, loaderClosed } from './errors.ts';
import type { LoaderSettings } from './loader-options.ts';
import { type EpochPlan, planEpoch } from './plan.ts';
import type { Preparer } from './preparer.ts';
import type { Slots } from './slots.ts';

/** What the passes of one loader share. */
export interface LoaderState {
  closed: boolean;
  /** How many are under way. */
  passes: number;
}

/** One pass over an epoch's batches. */
export interface Pass {
  readonly split: ImageSplit;
  readonly settings: LoaderSettings;
  readonly preparer: Preparer;
  readonly slots: Slots;
  /** Whether batches are prepared from the split's own memory, without gathering its pictures first. */
  readonly direct: boolean;
  readonly shape: ImageShape;
  readonly batches: number;
  readonly state: LoaderState;
  readonly epoch: number;
  readonly from: number;
  readonly indices: Uint32Array;
}

/** Whether an iteration is over, for work of it that is still under way. */
interface Run {
  over: boolean;
}

interface Prepared {
  readonly rows: Uint32Array;
  /** Resolves to the error rather than rejecting: nobody may be waiting for this batch yet. Null when the iteration was over before it. */
  readonly done: Promise<Finished | { error: unknown } | null>;
}

/** The batches of a pass, `settings.prefetch` of them being prepared while one is in use. */
export async function* iterate(pass: Pass): AsyncGenerator<Batch, void, undefined> {
  const { settings, batches, state, shape, split, preparer } = pass;
  if (state.closed) throw loaderClosed();
  const plan = planEpoch(pass.indices, settings.seed, pass.epoch, settings.shuffle);
  const ahead: Prepared[] = [];
  const run = { over: false };
  let started = pass.from;
  let complete = false;
  const fill = () => {
    while (ahead.length < settings.prefetch && started < batches) ahead.push(start(pass, plan, run, started++));
  };
  state.passes++;
  try {
    fill();
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const prepared = await next.done;
      if (state.closed || prepared === null) throw loaderClosed();
      if ('error' in prepared) throw prepared.error;
      const labels = Int32Array.from(next.rows, (row) => split.labels[row] as number);
      fill();
      yield toBatch(prepared, labels, shape);
    }
    complete = true;
  } finally {
    run.over = true;
    state.passes--;
    // Another pass of the same loader may still need the threads.
    if (!complete && state.passes === 0) await preparer.stop();
    await Promise.all(ahead.map(({ done }) => done));
  }
}

function start(pass: Pass, plan: EpochPlan, run: Run, index: number): Prepared {
  const rows = plan.order.slice(index * pass.settings.batch, (index + 1) * pass.settings.batch);
  return { rows, done: prepare(pass, plan, run, index, rows).catch((error: unknown) => ({ error })) };
}

async function prepare(pass: Pass, plan: EpochPlan, run: Run, index: number, rows: Uint32Array): Promise<Finished | null> {
  const { split, settings, preparer, slots, direct } = pass;
  const { recipe, normalization } = settings;
  const rng = recipe === null ? null : plan.batchRng(index);
  const placements = recipe === null || rng === null ? null : drawPlacements(rng, rows.length, split.imageShape, recipe);
  const finish = { shape: split.imageShape, recipe, placements, normalization };
  if (direct) return preparer.prepare({ source: split.images as Uint8Array, rows, ...finish });
  const slot = slots.take();
  try {
    await gather(split, rows, slot, rng);
    // Reading may outlast the iteration; going on would start the threads again.
    if (run.over || pass.state.closed) return null;
    return await preparer.prepare({ source: slot, rows: Uint32Array.from(rows, (_, i) => i), ...finish });
  } finally {
    if (!pass.state.closed) slots.giveBack(slot);
  }
}

/** Writes the pictures `rows` side by side into `raw`. Each reads from the stream `picture:<index in the split>` of the batch. */
async function gather(split: ImageSplit, rows: Uint32Array, raw: Uint8Array, rng: ReturnType<EpochPlan['batchRng']> | null): Promise<void> {
  const { images } = split;
  const size = volume(split.imageShape);
  if (images instanceof Uint8Array) {
    rows.forEach((row, i) => {
      raw.set(images.subarray(row * size, (row + 1) * size), i * size);
    });
    return;
  }
  const reads = Array.from(rows, async (row, i) => {
    try {
      await images.read(row, raw.subarray(i * size, (i + 1) * size), rng?.split(`picture:${row}`) ?? null);
    } catch (cause) {
      throw imageUnreadable(split.name, row, cause);
    }
  });
  // All of them, also after a failure: a straggler must not write into memory that another batch has taken over.
  const results = await Promise.allSettled(reads);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** The arrays are the tensors' from here on: engines may keep them. */
function toBatch({ pixels: data, images }: Finished, labels: Int32Array, shape: ImageShape): Batch {
  const batchShape = [labels.length, ...shape];
  const pixels = tensor(data, batchShape, 'float32');
  return { images: images === null ? clone(pixels) : tensor(images, batchShape, 'float32'), labels: tensor1d(labels, 'int32'), pixels };
}
