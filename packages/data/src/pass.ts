import type { Rng } from '@man/base';
import type { Batch } from '@man/core';
import { clone, type Tensor, tensor1d } from '@tensorflow/tfjs';
import { drawPlacements } from './augment.ts';
import { type EncodedImages, type ImageReader, type ImageShape, type ImageSplit, volume } from './dataset.ts';
import { imageUnreadable, loaderClosed, workerFailed } from './errors.ts';
import type { LoaderSettings, UnreadablePicture } from './loader-options.ts';
import { type EpochPlan, planEpoch } from './plan.ts';
import type { BatchTask, EncodedPictures, Fault } from './prepare.ts';
import type { Preparer } from './preparer.ts';
import type { Slot, Slots } from './slots.ts';
import { upload } from './upload.ts';

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

interface Ahead {
  /** Resolves to the error rather than rejecting: nobody may be waiting for this batch yet. Null when the iteration was over before it. */
  readonly done: Promise<Ready | { error: unknown } | null>;
}

/** A batch off the engine: labels fit the pictures that could be read. */
interface Ready {
  /** Whoever takes the batch gives it back. */
  readonly slot: Slot;
  readonly labels: Int32Array;
  /** Pictures that were left out. */
  readonly unreadable: readonly UnreadablePicture[];
}

/** The batches of a pass, `settings.prefetch` of them being prepared while one is in use. */
export async function* iterate(pass: Pass): AsyncGenerator<Batch, void, undefined> {
  const { settings, batches, state, preparer, slots } = pass;
  if (state.closed) throw loaderClosed();
  const plan = planEpoch(pass.indices, settings.seed, pass.epoch, settings.shuffle);
  const ahead: Ahead[] = [];
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
      const batch = prepared.labels.length > 0 ? toBatch(prepared, pass) : null;
      slots.giveBack(prepared.slot);
      fill();
      for (const picture of prepared.unreadable) settings.onUnreadable(picture);
      if (batch !== null) yield batch;
    }
    complete = true;
  } finally {
    run.over = true;
    state.passes--;
    // Another pass of the same loader may still need the threads.
    if (!complete && state.passes === 0) await preparer.stop();
    for (const left of await Promise.all(ahead.map(({ done }) => done))) {
      if (left !== null && 'slot' in left && !state.closed) slots.giveBack(left.slot);
    }
  }
}

function start(pass: Pass, plan: EpochPlan, run: Run, index: number): Ahead {
  const rows = plan.order.slice(index * pass.settings.batch, (index + 1) * pass.settings.batch);
  return { done: prepare(pass, plan, run, index, rows).catch((error: unknown) => ({ error })) };
}

async function prepare(pass: Pass, plan: EpochPlan, run: Run, index: number, rows: Uint32Array): Promise<Ready | null> {
  const { split, settings, slots } = pass;
  const { recipe, range, normalization } = settings;
  const rng = recipe === null ? null : plan.batchRng(index);
  const placements = recipe === null || rng === null ? null : drawPlacements(rng, rows.length, split.imageShape, recipe);
  // Splitting depends on nothing that was drawn.
  const stream = range === null || rng === null ? null : plan.batchRng(index).state();
  const finish = { shape: split.imageShape, recipe, placements, normalization, range, stream, numbers: rows };
  const slot = slots.take();
  const { raw, ...out } = slot;
  const task = { ...finish, out, skip: settings.unreadable === 'skip' };
  // After an error the slot is not used again: a thread that is about to end may still write into it.
  const ready = await readInto(pass, run, rows, task, slot, rng);
  if (ready === null && !pass.state.closed) slots.giveBack(slot);
  return ready;
}

/** Has a batch prepared from wherever its pictures are; null when the iteration is over meanwhile. */
async function readInto(
  pass: Pass,
  run: Run,
  rows: Uint32Array,
  task: Omit<BatchTask, 'pictures'>,
  slot: Slot,
  rng: Rng | null,
): Promise<Ready | null> {
  const { images } = pass.split;
  if ('locate' in images) return settle(pass, run, rows, slot, { ...task, pictures: encoded(images, rows) });
  if (pass.direct) return settle(pass, run, rows, slot, { ...task, pictures: { source: images as Uint8Array, rows } });
  const faults = await gather(pass.split, rows, slot.raw, rng);
  // Reading may outlast the iteration; going on would start the threads again.
  if (run.over || pass.state.closed) return null;
  const unreadable = told(pass, rows, faults);
  const places = Uint32Array.from(rows, (_, place) => place).filter((place) => !faults.some((fault) => fault.place === place));
  const numbers = rows.filter((_, place) => places.includes(place));
  const placements = task.placements === null ? null : keep(task.placements, places);
  const ready = await settle(pass, run, numbers, slot, { ...task, placements, numbers, pictures: { source: slot.raw, rows: places } });
  return ready === null ? null : { ...ready, unreadable };
}

/** The placements of some pictures of a batch. */
const keep = (placements: Int32Array, places: Uint32Array) =>
  Int32Array.from({ length: 3 * places.length }, (_, i) => placements[3 * (places[Math.floor(i / 3)] as number) + (i % 3)] as number);

function encoded(images: EncodedImages, rows: Uint32Array): EncodedPictures {
  return {
    sources: Array.from(rows, (row) => images.locate(row)),
    resize: images.resize,
    maxPixels: images.maxPixels,
    progress: new Int32Array(new SharedArrayBuffer(8)).fill(-1),
  };
}

/** Hands the work over, and deals with pictures that could not be read. */
async function settle(pass: Pass, run: Run, rows: Uint32Array, slot: Slot, task: BatchTask): Promise<Ready | null> {
  const isStopped = () => run.over || pass.state.closed;
  const faults = await pass.preparer.prepare(task, isStopped).catch((cause: unknown): readonly Fault[] => {
    const [place = -1, state = -1] = 'progress' in task.pictures ? task.pictures.progress : [];
    // The thread died at another batch, when this one was done and only its answer under way.
    if (state === 1) return [];
    throw workerFailed(cause, place < 0 ? null : nameOf(pass.split, rows[place] as number));
  });
  if (isStopped()) return null;
  const left = new Set(faults.map(({ place }) => place));
  const labels = Int32Array.from(rows, (row) => pass.split.labels[row] as number).filter((_, place) => !left.has(place));
  return { slot, labels, unreadable: told(pass, rows, faults) };
}

/** The pictures that were left out; throws for the first one where that is the end. */
function told({ split, settings }: Pass, rows: Uint32Array, faults: readonly Fault[]): readonly UnreadablePicture[] {
  return faults.map(({ place, reason }) => {
    const index = rows[place] as number;
    if (settings.unreadable === 'fail') throw imageUnreadable(split.name, nameOf(split, index), reason);
    const { images } = split;
    return { index, name: 'locate' in images ? images.locate(index).name : String(index), reason };
  });
}

/** What people call a picture: its number, and where it is, if it has a name. */
function nameOf({ images }: ImageSplit, index: number): string {
  return 'locate' in images ? `${index} (${images.locate(index).name})` : String(index);
}

/** Writes the pictures `rows` side by side into `raw`. Each reads from the stream `picture:<index in the split>` of the batch. */
async function gather(split: ImageSplit, rows: Uint32Array, raw: Uint8Array, rng: Rng | null): Promise<readonly Fault[]> {
  const images = split.images as Uint8Array | ImageReader;
  const size = volume(split.imageShape);
  if (images instanceof Uint8Array) {
    rows.forEach((row, i) => {
      raw.set(images.subarray(row * size, (row + 1) * size), i * size);
    });
    return [];
  }
  const reads = Array.from(rows, async (row, i) =>
    images.read(row, raw.subarray(i * size, (i + 1) * size), rng?.split(`picture:${row}`) ?? null),
  );
  // All of them, also after a failure: a straggler must not write into memory that another batch has taken over.
  const results = await Promise.allSettled(reads);
  return results.flatMap((result, place) => {
    if (result.status === 'fulfilled') return [];
    return [{ place, reason: result.reason instanceof Error ? result.reason.message : String(result.reason) }];
  });
}

function toBatch({ slot, labels }: Ready, { shape, settings }: Pass): Batch {
  const batchShape = [labels.length, ...shape];
  const tensorOf = (values: Float32Array) => upload(values.subarray(0, labels.length * volume(shape)), batchShape);
  const pixels = slot.pixels === null ? null : tensorOf(slot.pixels);
  const images = slot.images === null ? null : tensorOf(slot.images);
  const rest = { labels: tensor1d(labels, 'int32') };
  if (pixels === null) return { images: images as Tensor, ...rest };
  if (settings.pixels) return { images: images ?? clone(pixels), ...rest, pixels };
  return { images: pixels, ...rest };
}
