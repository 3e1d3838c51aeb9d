import { hostname } from 'node:os';
import { join } from 'node:path';
import type { EpochReport, FitReport, ProgressReport, Run, TrainerPlugin } from '@man/core';
import { closeQuietly, openForAppending, syncQuietly, writeFully } from './append-file.ts';
import { badOption, writeFailed } from './errors.ts';
import { epochScalars, stepScalars } from './scalars.ts';
import { encodeRecord, type TfEvent } from './tfevents.ts';

/** Options of {@link tensorboard}. */
export interface TensorboardOptions {
  /** Folder of the run, which is made where missing; `tensorboard --logdir` is given it or the one above. */
  readonly folder: string;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/** Files of one process and second must differ. */
let files = 0;

/**
 * Writes event files for TensorBoard: `loss/block_01`, `accuracy/block_01`, `learning_rate` for each step, `test/accuracy`, `test/loss`,
 * speed and memory for each epoch, all by step.
 *
 * Each process that takes part in a run writes a file of its own. A resumed run tells TensorBoard from which step on it does things again, so
 * curves do not double back.
 *
 * @throws MAN_TRACK_BAD_OPTION; MAN_TRACK_WRITE_FAILED from `setup` and later hooks
 * @example
 * ```ts
 * const plugins = [tensorboard({ folder: 'runs/a/tensorboard' })]; // tensorboard --logdir runs
 * ```
 */
export function tensorboard({ folder, clock = Date.now }: TensorboardOptions): TrainerPlugin {
  if (typeof folder !== 'string' || folder === '') throw badOption('tensorboard({ folder })', 'the name of a folder', folder);
  let file = folder;
  let descriptor: number | undefined;
  let step = 0;
  const write = (events: readonly Omit<TfEvent, 'wallTime'>[]) => {
    const wallTime = clock() / 1000;
    try {
      descriptor ??= openForAppending(file);
      for (const event of events) writeFully(descriptor, encodeRecord({ wallTime, ...event }));
    } catch (cause) {
      throw writeFailed(file, cause);
    }
  };
  const sync = () => {
    if (descriptor !== undefined) syncQuietly(descriptor);
  };
  return {
    name: 'tensorboard',
    setup(run: Run) {
      step = run.steps;
      const seconds = String(Math.floor(clock() / 1000)).padStart(10, '0');
      file = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}`);
      write([
        { step: 0, fileVersion: 'brain.Event:2' },
        { step: run.steps === 0 ? 0 : run.steps + 1, isSessionStart: true },
      ]);
    },
    onProgress({ steps }: ProgressReport) {
      write(steps.map((each) => ({ step: each.step, scalars: stepScalars(each) })));
      step = steps.at(-1)?.step ?? step;
    },
    onEpochEnd(report: EpochReport) {
      write([{ step, scalars: epochScalars(report) }]);
      sync();
    },
    onFitEnd: (_: FitReport) => sync(),
    dispose() {
      closeQuietly(descriptor);
      descriptor = undefined;
    },
  };
}
