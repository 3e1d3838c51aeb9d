import type { Trainer } from '@man/core';
import { badOption } from './errors.ts';
import { type MemoryPlan, type PlanOptions, planMemory } from './plan-memory.ts';

/** What has to fit. */
export interface FitMemoryOptions extends Omit<PlanOptions, 'batch'> {
  /** Room there is, in bytes. */
  readonly bytes: number;
  /** What of a plan must fit in there; default `processBytes`. */
  readonly of?: 'processBytes' | 'peakTensorBytes';
}

/** Batches above this are not looked at. */
const MOST = 1 << 17;

/**
 * The largest batch whose training step fits, with its plan; null where not even two pictures do.
 *
 * @param create as for {@link planMemory}; it is called a dozen times or two
 * @throws as `planMemory`
 * @example
 * ```ts
 * largestBatch(() => createTrainer({ backbone: resnet({ depth: 110 }) }), { bytes: 16e9 })?.batch;
 * ```
 */
export function largestBatch(create: () => Trainer, { bytes, of = 'processBytes', ...options }: FitMemoryOptions): MemoryPlan | null {
  checkRoom('largestBatch', bytes);
  const plan = (batch: number) => planMemory(create, { ...options, batch });
  let fitting = plan(2);
  if (fitting[of] > bytes) return null;
  // Memory grows with the batch nearly in a line: the next guess is where a line would end.
  let tooLarge = MOST + 1;
  let guess = 32;
  while (tooLarge - fitting.batch > 1) {
    const next = plan(Math.min(tooLarge - 1, Math.max(fitting.batch + 1, guess)));
    const slope = (next[of] - fitting[of]) / (next.batch - fitting.batch);
    const end = slope > 0 ? next.batch + (bytes - next[of]) / slope : 2 * next.batch;
    if (next[of] <= bytes) fitting = next;
    else tooLarge = next.batch;
    // Gaps between tensors make small jumps: halving ends the search all the same.
    const middle = (fitting.batch + tooLarge) >> 1;
    guess = tooLarge > MOST ? Math.floor(Math.min(end, 8 * next.batch)) : middle;
  }
  return fitting;
}

/**
 * The smallest number of blocks, of those given, whose training step fits, with its plan; null where none does.
 *
 * @param create makes the trainer for a number of blocks
 * @param blocks candidates, such as those of a backbone's published partitions
 * @throws as `planMemory`
 * @example
 * ```ts
 * fewestBlocks((blocks) => createTrainer({ backbone, partition: { blocks }, loss: infopro() }), [1, 2, 4], { batch: 128, bytes: 16e9 });
 * ```
 */
export function fewestBlocks(
  create: (blocks: number) => Trainer,
  blocks: readonly number[],
  { bytes, of = 'processBytes', ...options }: FitMemoryOptions & PlanOptions,
): { readonly blocks: number; readonly plan: MemoryPlan } | null {
  checkRoom('fewestBlocks', bytes);
  for (const count of [...blocks].sort((a, b) => a - b)) {
    const plan = planMemory(() => create(count), options);
    if (plan[of] <= bytes) return { blocks: count, plan };
  }
  return null;
}

function checkRoom(where: string, bytes: number): void {
  if (!(bytes > 0)) throw badOption(where, 'bytes', 'a number above 0', bytes);
}
