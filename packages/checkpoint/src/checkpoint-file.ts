import type { RunPosition, Snapshot } from '@man/core';
import { readSafetensors, type StoredTensor, writeSafetensors } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { notACheckpoint } from './errors.ts';

/** A checkpoint that was read: a snapshot whose tensors are the caller's. */
export interface CheckpointFile extends Snapshot {
  /** What the run was told, as `checkpoint` was given it; null for none. */
  readonly configuration: string | null;
  /** ISO 8601, of when it was written. */
  readonly time: string;
}

/** Changes only when an older version could misread a file. */
const FORMAT = '1';

/**
 * Writes a snapshot as one safetensors file: to a temporary name, synced, renamed. Its name holds the whole old or the whole new content,
 * whatever happens.
 *
 * @throws MAN_TRACK_WRITE_FAILED, for a full disk too; the former file is as it was
 */
export async function writeCheckpoint(file: string, { tensors, position }: Snapshot, configuration: string | null): Promise<void> {
  const metadata = { 'man.format': FORMAT, 'man.position': JSON.stringify(position), 'man.time': new Date().toISOString() };
  await writeSafetensors(file, tensors, configuration === null ? metadata : { ...metadata, 'man.configuration': configuration });
}

/**
 * Reads a checkpoint. Nothing in the file is trusted: it is checked from end to end before there are tensors.
 *
 * @throws MAN_CHECKPOINT_FORMAT for a file that is no checkpoint of a run; MAN_TRACK_READ_FAILED, MAN_TRACK_SAFETENSORS_HEADER,
 * MAN_TRACK_SAFETENSORS_TENSOR, MAN_TRACK_SAFETENSORS_DTYPE
 */
export async function readCheckpoint(file: string): Promise<CheckpointFile> {
  const { tensors, metadata } = await readSafetensors(file);
  const position = positionOf(file, metadata);
  return {
    tensors: Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toTensor(tensor)])),
    position,
    configuration: metadata['man.configuration'] ?? null,
    time: metadata['man.time'] ?? '',
  };
}

/** Where the run was, of the metadata of a file. @throws MAN_CHECKPOINT_FORMAT */
export function positionOf(file: string, metadata: Readonly<Record<string, string>>): RunPosition {
  const format = metadata['man.format'];
  if (format === undefined) throw notACheckpoint(file, 'it holds tensors, but not where a run is');
  if (format !== FORMAT) throw notACheckpoint(file, `its format is ${format}, this version reads ${FORMAT}`);
  let position: Partial<RunPosition>;
  try {
    position = JSON.parse(metadata['man.position'] ?? '') as Partial<RunPosition>;
  } catch {
    throw notACheckpoint(file, 'where the run is, is not JSON');
  }
  const problem = problemOf(position);
  if (problem !== null) throw notACheckpoint(file, problem);
  return position as RunPosition;
}

const COUNTS = ['epoch', 'steps', 'batch', 'batches', 'examples', 'blocks'] as const;
const AMOUNTS = ['seconds', 'waitedMs', 'peakTensorBytes'] as const;

/** What of a position would mislead a run; null for nothing. */
function problemOf(position: Partial<RunPosition>): string | null {
  if (typeof position !== 'object' || position === null) return 'where the run is, is no object';
  const badCount = COUNTS.find((name) => !Number.isSafeInteger(position[name]) || (position[name] as number) < 0);
  if (badCount !== undefined) return `${badCount} is no count`;
  const badAmount = AMOUNTS.find((name) => !(typeof position[name] === 'number' && position[name] >= 0));
  if (badAmount !== undefined) return `${badAmount} is no amount`;
  const { average, plugins } = position;
  if (!Array.isArray(average?.sums) || typeof average?.examples !== 'number') return 'the averages of its epoch are missing';
  const isWords = (words: unknown) => Array.isArray(words) && words.length === 4 && words.every((word) => Number.isSafeInteger(word));
  const badPlugin = Object.entries(plugins ?? {}).find(([, { rng }]) => !isWords(rng?.key) || !isWords(rng?.words));
  if (plugins === undefined || badPlugin !== undefined) return `the random numbers of ${badPlugin?.[0] ?? 'its plugins'} are missing`;
  return null;
}

/** A tensor of the same values; the caller's. */
export function toTensor({ dtype, shape, data }: StoredTensor): tf.Tensor {
  if (dtype === 'F32') return tf.tensor(data, [...shape], 'float32');
  return tf.tensor(data, [...shape], dtype === 'BOOL' ? 'bool' : 'int32');
}
