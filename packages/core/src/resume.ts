import type { Rng } from '@man/base';
import * as tf from '@tensorflow/tfjs';
import type { NamedVariables } from './contracts.ts';
import { EpochState } from './epoch-state.ts';
import { cannotRestore, notAtRest } from './errors.ts';
import { assignAll, checkMatch, OPTIMIZER, pluginPositions, type RestoreOptions, type Snapshot, shapesOf } from './snapshot.ts';
import type { Trainer } from './trainer.ts';

/** See {@link Trainer.snapshot}. */
export function takeSnapshot(trainer: Trainer): Snapshot {
  trainer.checkInUse();
  if (trainer.unreadSteps > 0) throw notAtRest(trainer.unreadSteps);
  const { backbone, blocks, seed, epoch, steps, peakTensorBytes } = trainer;
  const plugins = pluginPositions(trainer.plugins.list, (plugin) => trainer.streams.of(plugin));
  const about = { backbone: backbone.name, blocks: blocks.length, seed, epoch, steps, peakTensorBytes, plugins };
  const copies = Object.entries(trainer.variables()).map(([name, variable]) => [name, tf.clone(variable)] as const);
  const optimizers = Object.entries(trainer.optimizerState()).map(([name, tensor]) => [`${OPTIMIZER}${name}`, tensor] as const);
  return { tensors: Object.fromEntries([...copies, ...optimizers]), position: { ...about, ...trainer.running.position } };
}

/** See {@link Trainer.restore}. */
export async function restoreSnapshot(
  trainer: Trainer,
  { tensors, position }: Snapshot,
  { ignore = () => false }: RestoreOptions,
): Promise<void> {
  trainer.checkInUse();
  const { epoch, steps, peakTensorBytes, plugins } = position;
  const before = { epoch: trainer.epoch, steps: trainer.steps };
  Object.assign(trainer, { epoch, steps });
  try {
    await trainer.setup();
    checkFits(trainer, { tensors, position }, ignore);
  } catch (error) {
    Object.assign(trainer, before);
    throw error;
  }
  Object.assign(trainer, { peakTensorBytes, running: new EpochState(position) });
  assignAll(trainer.variables(), tensors, ignore);
  for (const { optimizer, variables } of trainer.trainers) {
    const own = Object.keys(variables).filter((name) => tensors[OPTIMIZER + name] !== undefined && !ignore(OPTIMIZER + name));
    optimizer.restore?.(Object.fromEntries(own.map((name) => [name, tensors[OPTIMIZER + name] as tf.Tensor])));
  }
  for (const plugin of trainer.plugins.list) {
    const kept = plugins[plugin.name];
    if (kept === undefined || ignore(`plugin:${plugin.name}`)) continue;
    trainer.streams.goOn(plugin.name, kept.rng);
    if (kept.state !== undefined) plugin.loadState?.(kept.state);
  }
}

function checkFits(trainer: Trainer, { tensors, position }: Snapshot, ignore: (name: string) => boolean): void {
  const trained = Object.assign({}, ...trainer.trainers.map(({ variables }) => variables)) as NamedVariables;
  const moments = Object.fromEntries(Object.entries(trained).map(([name, variable]) => [OPTIMIZER + name, variable.shape]));
  const mine = trainer.plugins.list.filter((plugin) => plugin.saveState !== undefined).map(({ name }) => name);
  const kept = Object.entries(position.plugins).filter(([, { state }]) => state !== undefined);
  checkMatch(
    { ...shapesOf(trainer.variables()), ...moments, ...keepers(mine) },
    { ...shapesOf(tensors), ...keepers(kept.map(([name]) => name)) },
    // A variable that never had a gradient has no momentum yet.
    { ignore, optional: (name) => name.startsWith(OPTIMIZER) },
  );
  const hasMoments = Object.keys(tensors).some((name) => name.startsWith(OPTIMIZER) && !ignore(name));
  const unable = trainer.trainers.find(({ optimizer }) => optimizer.restore === undefined);
  if (hasMoments && unable !== undefined) throw cannotRestore(unable.optimizer.constructor.name);
}

/** Names of plugins that keep something, as `checkMatch` takes them. */
function keepers(names: readonly string[]): Record<string, readonly number[]> {
  return Object.fromEntries(names.map((name) => [`plugin:${name}`, []]));
}

/** The random numbers of plugins: one stream each for the whole run, which goes on where it was in a resumed one. */
export class PluginStreams {
  readonly #rng: Rng;
  readonly #continueFrom: (state: ReturnType<Rng['state']>) => Rng;
  readonly #current = new Map<string, Rng>();

  constructor(rng: Rng, continueFrom: (state: ReturnType<Rng['state']>) => Rng) {
    this.#rng = rng;
    this.#continueFrom = continueFrom;
  }

  /** The stream as a plugin may keep it. */
  of(plugin: string): Rng {
    const now = () => {
      const current = this.#current.get(plugin) ?? this.#rng.split(`plugin:${plugin}`);
      this.#current.set(plugin, current);
      return current;
    };
    return {
      split: (label) => now().split(label),
      next: () => now().next(),
      integer: (below) => now().integer(below),
      uniform: (out, low, high) => now().uniform(out, low, high),
      normal: (out, mean, deviation) => now().normal(out, mean, deviation),
      permutation: (n) => now().permutation(n),
      state: () => now().state(),
    };
  }

  goOn(plugin: string, state: ReturnType<Rng['state']>): void {
    this.#current.set(plugin, this.#continueFrom(state));
  }
}
