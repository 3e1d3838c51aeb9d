import { defineSchema, format, nonNegativeNumber, truth } from '@man/base';
import { FlatVariables, sgdUpdate } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import type { NamedVariables, Optimizer, OptimizerDefinition } from './contracts.ts';
import { badOption } from './errors.ts';

export interface SgdOptions {
  /** Share of the velocity that is kept, 0 … 1; default 0.9. */
  readonly momentum?: number;
  /** Default true. */
  readonly nesterov?: boolean;
  /** Added to the gradient as `weightDecay · w`, for every variable, batch norm and biases included; default 1e-4. */
  readonly weightDecay?: number;
}

/** {@link SgdOptions} as keys of a configuration. */
export const sgdSchema = defineSchema({
  momentum: {
    doc: 'Share of the velocity that is kept.',
    default: 0.9,
    format: format<number>('a number from 0 to below 1', (value) => typeof value === 'number' && value >= 0 && value < 1),
  },
  nesterov: { doc: "Whether the momentum is Nesterov's.", default: true, format: truth },
  weightDecay: { doc: 'Added to the gradient, times the weight.', default: 1e-4, format: nonNegativeNumber },
});

/**
 * Stochastic gradient descent with (Nesterov) momentum and weight decay, in PyTorch's form.
 *
 * State is keyed by variable name. A variable without gradient is skipped entirely: no decay, no momentum.
 *
 * @throws MAN_CORE_OPTION
 * @see MAN paper §4.2: momentum 0.9, Nesterov, weight decay 1e-4
 * @example
 * ```ts
 * createTrainer({ ..., optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }) });
 * ```
 */
export function sgd(options: SgdOptions = {}): OptimizerDefinition {
  const { momentum = 0.9, nesterov = true, weightDecay = 1e-4 } = options;
  if (!(momentum >= 0 && momentum < 1)) throw badOption('sgd', 'momentum', 'a number from 0 to below 1', momentum);
  if (!(weightDecay >= 0)) throw badOption('sgd', 'weightDecay', 'a number ≥ 0', weightDecay);
  if (nesterov && momentum === 0) throw badOption('sgd', 'nesterov', 'false without momentum', nesterov);
  return { name: 'sgd', create: (variables) => new Sgd(variables, { momentum, nesterov, weightDecay }) };
}

/** The variables that had gradients in the last update, as one vector with their velocity. */
interface Group {
  readonly names: readonly string[];
  readonly flat: FlatVariables;
  velocity: tf.Tensor1D;
}

class Sgd implements Optimizer {
  readonly #entries: readonly (readonly [string, tf.Variable])[];
  readonly #options: Required<SgdOptions>;
  #group: Group | undefined;
  /** Velocities of variables that the present group leaves out. */
  readonly #resting = new Map<string, tf.Tensor>();

  constructor(variables: NamedVariables, options: Required<SgdOptions>) {
    this.#entries = Object.entries(variables);
    this.#options = options;
  }

  apply(gradients: readonly (tf.Tensor | null)[], learningRate: number): void {
    const present = gradients.filter((gradient) => gradient !== null);
    if (present.length === 0) return;
    const group = this.#groupOf(gradients);
    group.velocity = tf.keep(sgdUpdate(group.flat, group.velocity, present, { ...this.#options, learningRate }));
  }

  state(): Record<string, tf.Tensor> {
    const state: Record<string, tf.Tensor> = {};
    for (const [name, velocity] of this.#resting) state[name] = tf.clone(velocity);
    if (this.#group !== undefined) {
      const { names, flat, velocity } = this.#group;
      flat.pieces(velocity).forEach((piece, i) => {
        state[names[i] as string] = piece;
      });
    }
    return state;
  }

  restore(state: Readonly<Record<string, tf.Tensor>>): void {
    this.dispose();
    for (const [name, velocity] of Object.entries(state)) this.#resting.set(name, tf.keep(tf.clone(velocity)));
  }

  dispose(): void {
    this.#group?.flat.dispose();
    tf.dispose([this.#group?.velocity ?? [], [...this.#resting.values()]]);
    this.#group = undefined;
    this.#resting.clear();
  }

  #groupOf(gradients: readonly (tf.Tensor | null)[]): Group {
    const chosen = this.#entries.filter((_, i) => gradients[i] !== null);
    const before = this.#group;
    if (before !== undefined && before.names.length === chosen.length && chosen.every(([name], i) => name === before.names[i]))
      return before;
    if (before !== undefined) this.#rest(before);
    const flat = new FlatVariables(chosen.map(([, variable]) => variable));
    const velocity = tf.keep(tf.tidy(() => flat.join(chosen.map(([name, variable]) => this.#resting.get(name) ?? tf.zerosLike(variable)))));
    for (const [name] of chosen) {
      this.#resting.get(name)?.dispose();
      this.#resting.delete(name);
    }
    this.#group = { names: chosen.map(([name]) => name), flat, velocity };
    return this.#group;
  }

  #rest(group: Group): void {
    group.flat.pieces(group.velocity).forEach((piece, i) => {
      this.#resting.set(group.names[i] as string, tf.keep(piece));
    });
    group.velocity.dispose();
    group.flat.dispose();
  }
}
