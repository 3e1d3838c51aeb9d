import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochReport, SavePoint, TrainerPlugin } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { writeCheckpoint } from './checkpoint-file.ts';
import { badOption, noMetric } from './errors.ts';
import { listCheckpoints, nameOf } from './folder.ts';

/** Which checkpoints stay. */
export interface KeepPolicy {
  /** The latest so many; default 2, so that one is whole whatever happens to the other. */
  readonly last?: number;
  /** Besides, the best so many epochs by `metric`; default 0. */
  readonly best?: number;
  /** Of the evaluation: `'accuracy'` (default), the greatest; `'loss'`, the least. */
  readonly metric?: 'accuracy' | 'loss';
}

/** Options of {@link checkpoint}. */
export interface CheckpointOptions {
  /** Folder of the run's checkpoints and of nothing else; made where missing. */
  readonly folder: string;
  /**
   * Most steps that are repeated when the process is killed; default: an epoch, by saving at its end only. Saved are moments at which losses
   * are read, so every `readEvery` steps at most.
   */
  readonly every?: number | 'epoch';
  readonly keep?: KeepPolicy;
  /** Kept with each: the configuration of the run, as text. Default none. */
  readonly configuration?: string;
  /** Told of each that was written, and how much all take. */
  readonly onSave?: (saved: { readonly file: string; readonly steps: number; readonly bytes: number; readonly allBytes: number }) => void;
}

/**
 * Saves a run as it goes, so that {@link resume} makes it go on, bit for bit, from amid an epoch too: at least every `every` steps, behind each
 * epoch, and where it is stopped.
 *
 * Each checkpoint is one safetensors file that is there as a whole or not at all. Older ones go when a newer one is safe on the disk, not before:
 * a disk that is full ends the run with an error and leaves the last good one.
 *
 * @throws MAN_CHECKPOINT_OPTION; from `fit` MAN_TRACK_WRITE_FAILED, MAN_CHECKPOINT_METRIC
 * @example
 * ```ts
 * const trainer = createTrainer({ ..., plugins: [man(), checkpoint({ folder: 'runs/a/checkpoints', every: 500 })] });
 * await resume(trainer, 'runs/a/checkpoints');
 * await trainer.fit(train, { epochs: 400, evaluate: test });
 * ```
 */
export function checkpoint(options: CheckpointOptions): TrainerPlugin {
  const { folder, every = 'epoch', keep = {} } = options;
  check(options);
  let saved = 0;
  let previous = 0;
  return {
    name: 'checkpoint',
    async setup(run) {
      saved = run.steps;
      previous = run.steps;
      await mkdir(folder, { recursive: true });
      await sweep(folder);
    },
    async onSavePoint(point: SavePoint) {
      // The next moment would come too late where this one is not used.
      const gap = point.steps - previous;
      previous = point.steps;
      const isDue = every !== 'epoch' && point.steps + gap - saved > every;
      if (point.finished === null && !point.isLast && !isDue) return;
      await save(options, point, keep);
      saved = point.steps;
    },
  };
}

async function save({ folder, configuration, onSave }: CheckpointOptions, point: SavePoint, keep: KeepPolicy): Promise<void> {
  const { steps, finished } = point;
  const file = join(folder, nameOf(steps, null));
  const snapshot = point.snapshot();
  try {
    await writeCheckpoint(file, snapshot, configuration ?? null);
  } finally {
    tf.dispose(Object.values(snapshot.tensors));
  }
  if ((keep.best ?? 0) > 0 && finished !== null) await alsoAsBest(folder, file, steps, metricOf(finished, keep, steps));
  await prune(folder, keep);
  if (onSave === undefined) return;
  const all = await listCheckpoints(folder);
  const bytes = all.find((each) => each.file === file)?.bytes ?? 0;
  onSave({ file, steps, bytes, allBytes: all.reduce((sum, each) => sum + each.bytes, 0) });
}

function metricOf({ evaluation }: EpochReport, { metric = 'accuracy' }: KeepPolicy, steps: number): number {
  if (evaluation === null) throw noMetric(metric, steps);
  return evaluation[metric];
}

/** A second name for the same bytes, which outlives the first; a copy where a file system has no links would cost the space twice. */
async function alsoAsBest(folder: string, file: string, steps: number, metric: number): Promise<void> {
  const best = join(folder, nameOf(steps, Number(metric.toPrecision(6))));
  await rm(best, { force: true });
  await link(file, best);
}

/** Removes what the policy does not keep. */
async function prune(folder: string, { last = 2, best = 0, metric = 'accuracy' }: KeepPolicy): Promise<void> {
  const all = await listCheckpoints(folder);
  const plain = all.filter((each) => each.metric === null);
  const direction = metric === 'accuracy' ? 1 : -1;
  const ranked = all
    .filter((each) => each.metric !== null)
    // Of equals the earlier one: the later is kept as one of the last anyway.
    .sort((a, b) => direction * ((b.metric as number) - (a.metric as number)) || a.steps - b.steps);
  for (const { file } of [...plain.slice(last), ...ranked.slice(best)]) await rm(file, { force: true });
}

/** Takes away what a killed process left half written. */
async function sweep(folder: string): Promise<void> {
  const halves = (await readdir(folder)).filter((name) => /^\.step-\d+.*\.tmp$/.test(name));
  for (const name of halves) await rm(join(folder, name), { force: true });
}

function check({ folder, every = 'epoch', keep = {} }: CheckpointOptions): void {
  const isCount = (value: unknown, least: number) => Number.isSafeInteger(value) && (value as number) >= least;
  if (typeof folder !== 'string' || folder === '') throw badOption('checkpoint({ folder })', 'the name of a folder', folder);
  if (every !== 'epoch' && !isCount(every, 1)) throw badOption('checkpoint({ every })', "a number of steps ≥ 1 or 'epoch'", every);
  const { last = 2, best = 0, metric = 'accuracy' } = keep;
  if (!isCount(last, 1)) throw badOption('checkpoint({ keep.last })', 'a whole number ≥ 1', last);
  if (!isCount(best, 0)) throw badOption('checkpoint({ keep.best })', 'a whole number ≥ 0', best);
  if (metric !== 'accuracy' && metric !== 'loss') throw badOption('checkpoint({ keep.metric })', "'accuracy' or 'loss'", metric);
}
