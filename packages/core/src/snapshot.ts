import type { Rng, RngState } from '@man/base';
import type * as tf from '@tensorflow/tfjs';
import type { NamedVariables, TrainerPlugin } from './contracts.ts';
import type { EpochPosition } from './epoch-state.ts';
import { snapshotMismatch } from './errors.ts';

/** Where a run is, as data that JSON keeps: everything that decides how it goes on but tensors. */
export interface RunPosition extends EpochPosition {
  readonly backbone: string;
  readonly blocks: number;
  readonly seed: number | string;
  /** Epochs and steps that are done. */
  readonly epoch: number;
  readonly steps: number;
  readonly peakTensorBytes: number;
  /** By name of the plugin: the state of its random numbers, and what it saved. */
  readonly plugins: Readonly<Record<string, PluginPosition>>;
}

/** What is kept of a plugin beside its variables. */
export interface PluginPosition {
  readonly rng: { readonly key: RngState; readonly words: RngState };
  /** What `saveState` returned. */
  readonly state?: unknown;
}

/** A run at rest: all that has to be there for it to go on as if nothing had been. */
export interface Snapshot {
  /** `trainer.variables()`, and the optimisers' state as `optimizer.<variable>`; the caller's. */
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
  readonly position: RunPosition;
}

/** Options of `trainer.restore`. */
export interface RestoreOptions {
  /** What may differ: tensors by name, plugins as `plugin:<name>`. What is ignored is as in a new run. Default: nothing. */
  readonly ignore?: (name: string) => boolean;
}

/** In front of the names of optimisers' state. */
export const OPTIMIZER = 'optimizer.';

/**
 * Compares what is expected with what is there.
 *
 * @throws MAN_CORE_SNAPSHOT_MISMATCH listing every name that is missing, unexpected, or of another shape
 */
export function checkMatch(
  expected: Readonly<Record<string, readonly number[]>>,
  found: Readonly<Record<string, readonly number[]>>,
  { ignore = () => false, optional = () => false }: RestoreOptions & { readonly optional?: (name: string) => boolean } = {},
): void {
  const missing = Object.keys(expected).filter((name) => found[name] === undefined && !ignore(name) && !optional(name));
  const unexpected = Object.keys(found).filter((name) => expected[name] === undefined && !ignore(name));
  const shapes = Object.entries(expected).flatMap(([name, shape]) => {
    const got = found[name];
    const differs = got !== undefined && !ignore(name) && got.join() !== shape.join();
    return differs ? [`${name}: expected [${shape}], got [${got}]`] : [];
  });
  if (missing.length + unexpected.length + shapes.length > 0) throw snapshotMismatch({ missing, unexpected, shapes });
}

/** Shapes by name. */
export function shapesOf(tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
}

/** Assigns values by name; those that are not there stay. The tensors stay the caller's. */
export function assignAll(
  variables: NamedVariables,
  tensors: Readonly<Record<string, tf.Tensor>>,
  ignore: (name: string) => boolean,
): void {
  for (const [name, variable] of Object.entries(variables)) {
    const value = tensors[name];
    if (value !== undefined && !ignore(name)) variable.assign(value);
  }
}

/** What plugins keep beside their variables. */
export function pluginPositions(plugins: readonly TrainerPlugin[], rngOf: (plugin: string) => Rng): Record<string, PluginPosition> {
  return Object.fromEntries(
    plugins.map((plugin) => {
      const rng = rngOf(plugin.name).state();
      return [plugin.name, plugin.saveState === undefined ? { rng } : { rng, state: plugin.saveState() }];
    }),
  );
}
