import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { Finished } from './augment.ts';
import { type BatchTask, prepareBatch } from './prepare.ts';

/** The program of a worker thread: prepares one batch and hands its memory over. Must import neither tfjs nor anything that does. */
export function prepare(task: BatchTask): Finished {
  const batch = prepareBatch(task);
  const buffers = [batch.pixels.buffer, ...(batch.images === null ? [] : [batch.images.buffer])];
  return move({ [transferableSymbol]: buffers, [valueSymbol]: batch } as unknown as ArrayBuffer) as unknown as Finished;
}
