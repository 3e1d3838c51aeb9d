import { assignAll, checkMatch, type NamedVariables, shapesOf } from '@man/core';
import type { Man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { noStore } from './errors.ts';

/** What training in blocks has beside the model: all that is needed to go on. */
export interface Training {
  /** Of local losses and MAN, by name. */
  readonly variables: NamedVariables;
  /** One per block. */
  readonly optimizers: readonly tf.Optimizer[];
  readonly man: Man | null;
}

const nameOf = (optimizer: number, place: number) => `optimizer${optimizer + 1}.${place}`;

/** Writes it as tfjs writes weights. @throws MAN_LAYERS_STORE */
export async function saveTraining({ variables, optimizers, man }: Training, to: string | tf.io.IOHandler): Promise<tf.io.SaveResult> {
  const handler = typeof to === 'string' ? tf.io.getSaveHandlers(to)[0] : to;
  if (handler?.save === undefined) throw noStore('save to', to);
  const states = await Promise.all(optimizers.map((optimizer) => optimizer.getWeights()));
  const kept = states.flatMap((state, i) => state.map(({ tensor }, place) => ({ name: nameOf(i, place), tensor })));
  const own = Object.entries(variables).map(([name, tensor]) => ({ name, tensor }));
  const { data, specs } = await tf.io.encodeWeights([...own, ...kept]);
  // The first is the number of steps, made for us; the others are the optimiser's variables.
  tf.dispose(states.flatMap(([steps]) => (steps === undefined ? [] : [steps.tensor])));
  return handler.save({
    modelTopology: { class_name: 'LocalTraining' },
    weightSpecs: specs,
    weightData: data,
    userDefinedMetadata: { calls: { ...man?.calls() } },
  });
}

/** Takes it over. The optimisers are new ones. @throws MAN_LAYERS_STORE, MAN_CORE_SNAPSHOT_MISMATCH */
export async function loadTraining({ variables, optimizers, man }: Training, from: string | tf.io.IOHandler): Promise<void> {
  const handler = typeof from === 'string' ? tf.io.getLoadHandlers(from)[0] : from;
  if (handler?.load === undefined) throw noStore('load from', from);
  const { weightData, weightSpecs, userDefinedMetadata } = await handler.load();
  if (weightData === undefined || weightSpecs === undefined) throw noStore('load from', from);
  const tensors = tf.io.decodeWeights(weightData, weightSpecs);
  try {
    const ofOptimizer = optimizers.map((_, i) => Object.keys(tensors).filter((name) => name.startsWith(`optimizer${i + 1}.`)));
    checkMatch(shapesOf(variables), shapesOf(tensors), { ignore: (name) => ofOptimizer.some((names) => names.includes(name)) });
    assignAll(variables, tensors, () => false);
    for (const [i, optimizer] of optimizers.entries()) {
      const names = ofOptimizer[i] as string[];
      await optimizer.setWeights(names.map((name) => ({ name, tensor: tensors[name] as tf.Tensor })));
    }
    man?.setCalls((userDefinedMetadata as { calls?: Readonly<Record<string, number>> } | undefined)?.calls ?? {});
  } finally {
    tf.dispose(tensors);
  }
}
