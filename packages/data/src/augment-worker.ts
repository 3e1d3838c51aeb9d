import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BatchTask, type Fault, prepareBatch } from './prepare.ts';

let last: Promise<unknown> = Promise.resolve();

/** One after the other, each when the result of the one before is on its way: when the thread dies, what it was at is to blame. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => {}).then(() => nextTurn());
  return result;
}

/** The program of a worker thread: prepares batches in shared memory. Must import neither tfjs nor anything that does. */
export function prepare(task: BatchTask): Promise<readonly Fault[]> {
  return inTurn(() => prepareBatch(task));
}
