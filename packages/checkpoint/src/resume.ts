import type { RestoreOptions, Trainer } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { readCheckpoint } from './checkpoint-file.ts';
import { noneWhole } from './errors.ts';
import { listCheckpoints } from './folder.ts';

/** Options of {@link resume}. */
export interface ResumeOptions extends RestoreOptions {
  /** Told of files that cannot be read, and are passed over. */
  readonly onDamaged?: (file: string, problem: unknown) => void;
}

/** Where a run goes on. */
export interface Resumed {
  readonly file: string;
  readonly epoch: number;
  readonly steps: number;
  /** Batches of the epoch under way that are done. */
  readonly batch: number;
  readonly configuration: string | null;
}

/**
 * Makes a new trainer go on where the latest checkpoint of a folder, or the one named, was written. A file that cannot be read is passed over
 * for the one before it.
 *
 * @param source a folder, or a file of it
 * @returns null where there is none yet: `fit` begins at the beginning
 * @throws MAN_CHECKPOINT_DAMAGED where there are some but none can be read; MAN_CORE_SNAPSHOT_MISMATCH; as `readCheckpoint` for a file
 */
export async function resume(trainer: Trainer, source: string, options: ResumeOptions = {}): Promise<Resumed | null> {
  if (source.endsWith('.safetensors')) return restoreFrom(trainer, source, options);
  const problems: string[] = [];
  for (const { file } of await listCheckpoints(source)) {
    let read: Awaited<ReturnType<typeof readCheckpoint>>;
    try {
      read = await readCheckpoint(file);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      options.onDamaged?.(file, error);
      continue;
    }
    return restoreRead(trainer, file, read, options);
  }
  if (problems.length > 0) throw noneWhole(source, problems);
  return null;
}

async function restoreFrom(trainer: Trainer, file: string, options: ResumeOptions): Promise<Resumed> {
  return restoreRead(trainer, file, await readCheckpoint(file), options);
}

async function restoreRead(
  trainer: Trainer,
  file: string,
  read: Awaited<ReturnType<typeof readCheckpoint>>,
  { ignore }: ResumeOptions,
): Promise<Resumed> {
  const { tensors, position, configuration } = read;
  try {
    await trainer.restore({ tensors, position }, ignore === undefined ? {} : { ignore });
  } finally {
    tf.dispose(Object.values(tensors));
  }
  const { epoch, steps, batch } = position;
  return { file, epoch, steps, batch, configuration };
}
