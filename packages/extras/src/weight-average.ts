import type { NamedVariables, Run, StepInfo, TrainerPlugin } from '@man/core';
import { createVariable, emaUpdate, FlatVariables } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { badOption } from './errors.ts';

/** Options of {@link weightAverage}. */
export interface WeightAverageOptions {
  /** Share of the average that stays in each step, 0 … 1; default 0.999: about the last thousand steps. */
  readonly momentum?: number;
  /** Whether the momentum starts low, `(1 + step) / (10 + step)`, so that the first weights are soon forgotten; default true. */
  readonly warmUp?: boolean;
}

/** The plugin that {@link weightAverage} makes. */
export interface WeightAverage extends TrainerPlugin {
  /** The averaged network by the names of `trainer.networkVariables()`; empty before the run is set up. They stay the plugin's. */
  variables(): NamedVariables;
}

/**
 * Evaluates an exponential moving average (EMA) of the whole network, running statistics included, instead of the weights of the moment,
 * which are back in their place for training. Averages move after each step. `trainer.predict` uses the weights of the moment.
 *
 * The average is part of the run's state (`average.<name>`) and takes as much memory as the network.
 *
 * @throws MAN_EXTRAS_OPTION
 * @example
 * ```ts
 * const average = weightAverage({ momentum: 0.999 });
 * // createTrainer({ ..., plugins: [average] }), then after fit:
 * await writeSafetensors('weights.safetensors', average.variables());
 * ```
 */
export function weightAverage(options: WeightAverageOptions = {}): WeightAverage {
  const { momentum = 0.999, warmUp = true } = options;
  if (!(momentum >= 0 && momentum <= 1)) throw badOption('weightAverage', 'momentum', 'a number from 0 to 1', momentum);
  return new Average(momentum, warmUp);
}

/** A class, since the trainer refuses plugins with own members that it does not know. */
class Average implements WeightAverage {
  readonly name = 'weight-average';
  readonly #momentum: number;
  readonly #warmUp: boolean;
  #names: readonly string[] = [];
  #weights: readonly tf.Variable[] = [];
  #averages: FlatVariables | undefined;
  /** What the weights were before the average took their place. */
  #held: readonly tf.Tensor[] = [];

  constructor(momentum: number, warmUp: boolean) {
    this.#momentum = momentum;
    this.#warmUp = warmUp;
  }

  setup({ network }: Run): void {
    this.#names = Object.keys(network);
    this.#weights = Object.values(network);
    this.#averages = new FlatVariables(this.#weights.map((weight) => createVariable(tf.clone(weight), false)));
  }

  afterStep({ step }: StepInfo): void {
    const momentum = this.#warmUp ? Math.min(this.#momentum, (1 + step) / (10 + step)) : this.#momentum;
    if (this.#averages !== undefined) emaUpdate(this.#averages, this.#weights, momentum);
  }

  onEvaluateStart(): void {
    const averages = this.#averages;
    if (averages === undefined || this.#held.length > 0) return;
    // Handles to the same data: nothing is copied, neither here nor on the way back.
    this.#held = this.#weights.map((weight) => tf.keep(tf.clone(weight)));
    this.#weights.forEach((weight, i) => {
      weight.assign(averages.variables[i] as tf.Variable);
    });
  }

  onEvaluateEnd(): void {
    this.#held.forEach((held, i) => {
      this.#weights[i]?.assign(held);
    });
    tf.dispose([...this.#held]);
    this.#held = [];
  }

  variables(): NamedVariables {
    return Object.fromEntries(this.#averages?.variables.map((variable, i) => [this.#names[i] as string, variable]) ?? []);
  }

  state(): NamedVariables {
    return Object.fromEntries(Object.entries(this.variables()).map(([name, variable]) => [`average.${name}`, variable]));
  }

  dispose(): void {
    tf.dispose([...(this.#averages?.variables ?? []), ...this.#held]);
    this.#averages?.dispose();
    this.#averages = undefined;
    this.#held = [];
  }
}
