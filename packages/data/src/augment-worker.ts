import { type BatchTask, prepareBatch } from './augment.ts';

/** The program of a worker thread: prepares one batch in shared memory. Must import neither tfjs nor anything that does. */
export function prepare(task: BatchTask): void {
  prepareBatch(task);
}
