import type { Batch } from '@man/core';
import { div, sub, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs';
import { drawPlacements } from './augment.ts';
import { type ImageShape, type ImageSplit, type Normalization, volume } from './dataset.ts';
import { imageUnreadable, loaderClosed } from './errors.ts';
import type { LoaderSettings } from './loader-options.ts';
import { type EpochPlan, planEpoch } from './plan.ts';
import type { Preparer } from './preparer.ts';
import type { Slot, Slots } from './slots.ts';

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
  readonly scale: Scale | null;
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
  readonly slot: Slot;
  /** Resolves to the error rather than rejecting: nobody may be waiting for this batch yet. */
  readonly done: Promise<{ error: unknown } | null>;
}

/** The batches of a pass, `settings.prefetch` of them being prepared while one is in use. */
export async function* iterate(pass: Pass): AsyncGenerator<Batch, void, undefined> {
  const { settings, slots, batches, state, shape, split, preparer } = pass;
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
      const failure = await next.done;
      if (state.closed) throw loaderClosed();
      if (failure !== null) throw failure.error;
      // tfjs may keep the array that it is given, and this memory is prepared in again: hence a copy. (`slice` of shared memory takes six
      // times as long.)
      const pixels = new Float32Array(next.slot.pixels.subarray(0, next.rows.length * volume(shape)));
      const labels = Int32Array.from(next.rows, (row) => split.labels[row] as number);
      slots.giveBack(next.slot);
      fill();
      yield toBatch(pixels, labels, shape, pass.scale);
    }
    complete = true;
  } finally {
    run.over = true;
    state.passes--;
    // Another pass of the same loader may still need the threads.
    if (!complete && state.passes === 0) await preparer.stop();
    await Promise.all(ahead.map(({ done }) => done));
    if (!state.closed) for (const { slot } of ahead) slots.giveBack(slot);
  }
}

function start(pass: Pass, plan: EpochPlan, run: Run, index: number): Prepared {
  const rows = plan.order.slice(index * pass.settings.batch, (index + 1) * pass.settings.batch);
  const slot = pass.slots.take();
  const done = prepare(pass, plan, run, index, rows, slot).then(
    () => null,
    (error: unknown) => ({ error }),
  );
  return { rows, slot, done };
}

async function prepare(pass: Pass, plan: EpochPlan, run: Run, index: number, rows: Uint32Array, slot: Slot): Promise<void> {
  const { split, settings, shape, preparer, direct } = pass;
  const { recipe } = settings;
  const rng = recipe === null ? null : plan.batchRng(index);
  const placements = recipe === null || rng === null ? null : drawPlacements(rng, rows.length, split.imageShape, recipe);
  if (!direct) await gather(split, rows, slot.raw, rng);
  // Reading may outlast the iteration; going on would start the threads again.
  if (run.over || pass.state.closed) return;
  await preparer.prepare({
    source: direct ? (split.images as Uint8Array) : slot.raw,
    rows: direct ? rows : Uint32Array.from(rows, (_, i) => i),
    shape: split.imageShape,
    recipe,
    placements,
    out: slot.pixels.subarray(0, rows.length * volume(shape)),
  });
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

function toBatch(pixelData: Float32Array, labelData: Int32Array, shape: ImageShape, scale: Scale | null): Batch {
  const batchShape = [labelData.length, ...shape];
  return tidy(() => {
    const flat = tensor2d(pixelData, [labelData.length, volume(shape)], 'float32');
    const pixels = flat.reshape(batchShape);
    const images = scale === null ? flat.reshape(batchShape) : div(sub(flat, scale.mean), scale.std).reshape(batchShape);
    return { images, labels: tensor1d(labelData, 'int32'), pixels };
  });
}

/** Mean and deviation written out for every number of a picture: engines are slow to spread three numbers over a batch. */
export interface Scale {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

export function scaleOf(normalization: Normalization | null, shape: ImageShape): Scale | null {
  if (normalization === null) return null;
  const spread = (values: readonly number[]) => Float32Array.from({ length: volume(shape) }, (_, i) => values[i % values.length] as number);
  return { mean: spread(normalization.mean), std: spread(normalization.std) };
}
