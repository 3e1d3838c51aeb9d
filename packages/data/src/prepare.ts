import { type Finish, type Finished, finisher, outputShape } from './augment.ts';
import { volume } from './dataset.ts';

/** One batch's work, as it is sent to a worker thread: only plain data. */
export interface BatchTask extends Finish {
  /** uint8 pictures, `[*, ...shape]`. */
  readonly source: Uint8Array;
  /** Which pictures of `source`, in the order of the batch. */
  readonly rows: Uint32Array;
}

/** Does one batch's work, in memory of its own. */
export function prepareBatch(task: BatchTask): Finished {
  const { source, rows, shape } = task;
  const out = allocate(task, rows.length);
  const finishOf = finisher(task);
  rows.forEach((row, i) => {
    finishOf(i)(source, row * volume(shape), i, out);
  });
  return out;
}

function allocate({ shape, recipe, normalization }: Finish, count: number): Finished {
  const size = count * volume(outputShape(shape, recipe));
  return { pixels: new Float32Array(size), images: normalization === null ? null : new Float32Array(size) };
}
