import {
  type BatchSource,
  createTrainer,
  type SavePoint,
  type Snapshot,
  type Trainer,
  type TrainerOptions,
  type TrainerPlugin,
} from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { demand, demandSameValues, type Values, valuesOf } from './compare.ts';
import { sourceOf } from './tiny.ts';

/** Batches of an epoch, and epochs, of the runs that are compared. */
const BATCHES = 3;
export const EPOCHS = 2;
/** Behind the last step of an epoch comes its evaluation; before and behind that a run may stop. */
const STOPS = [2, BATCHES, BATCHES + 1];

/** Makes the options of a trainer anew: nothing of one run is in another. */
export type TrainerRecipe = () => TrainerOptions & { readonly seed?: number };

/** Three batches; what a trainer learns from and is evaluated with. */
export const dataFor = (trainer: Trainer): BatchSource => sourceOf(trainer.backbone, BATCHES);

/** Trains for two epochs of three steps, reading losses behind each step, and evaluates behind each epoch. */
export async function train(trainer: Trainer, epochs = EPOCHS): Promise<void> {
  await trainer.fit(dataFor(trainer), { epochs, evaluate: sourceOf(trainer.backbone, 1) });
}

/** What a run is at rest, as plain values: tensors, and the rest as JSON without times. */
export interface RunState {
  readonly tensors: Readonly<Record<string, Values>>;
  readonly rest: string;
}

export function stateOf(trainer: Trainer): RunState {
  const { tensors, position } = trainer.snapshot();
  const values = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, valuesOf(tensor)]));
  tf.dispose(Object.values(tensors));
  const { seconds: _, waitedMs: __, peakTensorBytes: ___, ...rest } = position;
  return { tensors: values, rest: JSON.stringify(rest) };
}

/** @throws MAN_TESTKIT_FAILED */
export function demandSameState(found: RunState, expected: RunState, where: string, hint: string): void {
  demandSameValues(found.tensors, expected.tensors, where, hint);
  demand(found.rest === expected.rest, `${where}, position`, expected.rest, found.rest, hint);
}

/** Trains two trainers in the same way. @throws MAN_TESTKIT_FAILED where they end differently */
export async function checkRepeats(recipe: TrainerRecipe, where: string): Promise<void> {
  const states: RunState[] = [];
  for (const _ of ['first', 'second']) {
    const trainer = createTrainer({ seed: 7, readEvery: 1, ...recipe() });
    await train(trainer);
    states.push(stateOf(trainer));
    trainer.dispose();
  }
  const [first, second] = states as [RunState, RunState];
  demandSameState(second, first, `${where}, trained twice from one seed`, 'draw from the rng that is given, and keep nothing between runs');
}

/**
 * Compares runs that go on from a snapshot, as a file keeps it, with one that was never interrupted.
 *
 * @throws MAN_TESTKIT_FAILED where they end differently
 */
export async function checkResumes(recipe: TrainerRecipe, where: string): Promise<void> {
  const kept = new Map<number, Snapshot>();
  const make = (...others: TrainerPlugin[]) => {
    const { plugins, ...options } = recipe();
    return createTrainer({ seed: 7, readEvery: 1, ...options, plugins: [plugins, others] });
  };
  const whole = make({ name: 'testkit-saver', onSavePoint: (point) => save(point, kept) });
  await train(whole);
  const expected = stateOf(whole);
  whole.dispose();
  for (const [step, snapshot] of kept) {
    const resumed = make({ name: 'testkit-saver' });
    try {
      await resumed.restore(snapshot);
      await train(resumed);
      const hint = 'what decides how a run goes on belongs into variables that buffers() or state() list, or into saveState()';
      demandSameState(stateOf(resumed), expected, `${where}, resumed behind step ${step}`, hint);
    } finally {
      resumed.dispose();
      tf.dispose(Object.values(snapshot.tensors));
    }
  }
}

/** Keeps a snapshot as a file would: numbers and JSON. */
function save({ steps, finished, snapshot }: SavePoint, kept: Map<number, Snapshot>): void {
  if (!STOPS.includes(steps) || (steps === BATCHES && finished === null)) return;
  const { tensors, position } = snapshot();
  const copies = Object.entries(tensors).map(([name, tensor]) => [name, tf.keep(tf.tensor(valuesOf(tensor), tensor.shape))]);
  tf.dispose(Object.values(tensors));
  kept.set(steps, { tensors: Object.fromEntries(copies), position: JSON.parse(JSON.stringify(position)) as Snapshot['position'] });
}
