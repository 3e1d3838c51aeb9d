import { setImmediate as nextTurn } from 'node:timers/promises';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type BatchTask, type PreparedBatch, prepareBatch } from './prepare.ts';

let last: Promise<unknown> = Promise.resolve();

/** One after the other, each when the result of the one before is on its way: when the thread dies, what it was at is to blame. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => {}).then(() => nextTurn());
  return result;
}

/** The program of a worker thread: prepares one batch and hands its memory over. Must import neither tfjs nor anything that does. */
export async function prepare(task: BatchTask): Promise<PreparedBatch> {
  const batch = await inTurn(() => prepareBatch(task));
  const buffers = [batch.pixels.buffer, ...(batch.images === null ? [] : [batch.images.buffer])];
  return move({ [transferableSymbol]: buffers, [valueSymbol]: batch } as unknown as ArrayBuffer) as unknown as PreparedBatch;
}
