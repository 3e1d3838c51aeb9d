import { createRng } from '@man/base';
import { type Backbone, forward, type NamedVariables, type Network, prefixed } from '@man/core';
import { readSafetensors, type StoredTensor } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { toTensor } from './checkpoint-file.ts';
import { networkMismatch, noAverage } from './errors.ts';

/** Options of {@link loadNetwork}. */
export interface LoadNetworkOptions {
  /** The architecture, as it was in training. */
  readonly backbone: Backbone;
  /** `'last'` (default): the weights of the moment; `'average'`: those that `weightAverage()` kept. */
  readonly weights?: 'last' | 'average';
}

/** A network without its trainer. */
export interface LoadedNetwork extends Network {
  /** Logits `[n, classes]` of normalised pictures `[n, ...inputShape]`; the caller's. */
  predict(images: tf.Tensor): tf.Tensor2D;
  variables(): NamedVariables;
  dispose(): void;
}

/**
 * Loads the network alone from a checkpoint, or from a file of weights: no auxiliary networks, no optimiser, no trainer.
 *
 * @throws MAN_CHECKPOINT_MISMATCH listing every tensor that is missing, unexpected or of another shape; MAN_CHECKPOINT_NO_AVERAGE; as
 * `readSafetensors`
 * @example
 * ```ts
 * const network = await loadNetwork('runs/a/weights.safetensors', { backbone: resnet32() });
 * const logits = network.predict(images);
 * ```
 */
export async function loadNetwork(file: string, { backbone, weights = 'last' }: LoadNetworkOptions): Promise<LoadedNetwork> {
  const { tensors } = await readSafetensors(file);
  const stored = weights === 'last' ? tensors : averages(file, tensors);
  const network = backbone.build(createRng(1));
  const all = [...network.units, network.classifier];
  const variables = () => prefixed(Object.fromEntries(all.map((unit) => [unit.name, { ...unit.parameters(), ...unit.buffers() }])));
  const dispose = () => {
    for (const unit of all) unit.dispose();
  };
  const problems = problemsOf(variables(), stored);
  if (problems.length > 0) {
    dispose();
    throw networkMismatch(file, problems);
  }
  for (const [name, variable] of Object.entries(variables())) tf.tidy(() => variable.assign(toTensor(stored[name] as StoredTensor)));
  return {
    ...network,
    variables,
    dispose,
    predict: (images) => tf.tidy(() => forward(all, images, false) as tf.Tensor2D),
  };
}

const AVERAGE = 'average.';

function averages(file: string, tensors: Readonly<Record<string, StoredTensor>>): Record<string, StoredTensor> {
  const found = Object.entries(tensors).flatMap(([name, tensor]) =>
    name.startsWith(AVERAGE) ? [[name.slice(AVERAGE.length), tensor] as const] : [],
  );
  if (found.length === 0) throw noAverage(file);
  return Object.fromEntries(found);
}

/** What training needs besides lies under other names: auxiliary networks, optimisers, state of plugins. */
function problemsOf(variables: NamedVariables, stored: Readonly<Record<string, StoredTensor>>): string[] {
  // The first part of a name is its unit's, or what else training has.
  const units = new Set(Object.keys(variables).map((name) => name.split('.', 1)[0]));
  const list = (what: string, names: readonly string[]) => (names.length === 0 ? [] : [`${what} (${names.length}): ${names.join(', ')}`]);
  const missing = Object.keys(variables).filter((name) => stored[name] === undefined);
  const unexpected = Object.keys(stored).filter((name) => variables[name] === undefined && units.has(name.split('.', 1)[0]));
  const shapes = Object.entries(variables).flatMap(([name, { shape }]) => {
    const got = stored[name];
    if (got === undefined || (got.dtype === 'F32' && got.shape.join() === shape.join())) return [];
    return [`${name}: expected F32 [${shape}], got ${got.dtype} [${got.shape}]`];
  });
  return [...list('missing', missing), ...list('unexpected', unexpected), ...list('of another shape', shapes)];
}
