import { gradients } from '@man/ops';
import type * as tf from '@tensorflow/tfjs';
import type {
  AuxiliaryNetwork,
  Batch,
  LocalBlock,
  LocalLossValue,
  NamedVariables,
  Optimizer,
  OptimizerDefinition,
  Unit,
} from './contracts.ts';

/** A block with what trains it. */
export class BlockTrainer {
  readonly block: LocalBlock;
  readonly aux: AuxiliaryNetwork;
  /** Parameters of the block's units, then those of its auxiliary network, by name. */
  readonly variables: NamedVariables;
  readonly optimizer: Optimizer;
  /** Most bytes of tensors alive at once in any of its turns so far. */
  peakBytes = 0;
  readonly #variables: readonly tf.Variable[];
  readonly #isLast: boolean;

  /** The auxiliary network is its own from here on, also where this throws. */
  constructor(block: LocalBlock, aux: AuxiliaryNetwork, isLast: boolean, optimizer: OptimizerDefinition) {
    this.block = block;
    this.aux = aux;
    this.#isLast = isLast;
    this.variables = { ...unitVariables(block.units, 'parameters'), ...auxVariables(block, aux, isLast, 'parameters') };
    this.#variables = Object.values(this.variables);
    try {
      this.optimizer = optimizer.create(this.variables);
    } catch (error) {
      aux.dispose();
      throw error;
    }
  }

  /** What training changes but no gradient trains: running statistics, EMA copies. */
  get buffers(): NamedVariables {
    return { ...unitVariables(this.block.units, 'buffers'), ...auxVariables(this.block, this.aux, this.#isLast, 'buffers') };
  }

  /** Forward pass, local loss and gradients of one batch. Everything returned is the caller's; features are null for the last block. */
  differentiate(x: tf.Tensor, batch: Batch): { loss: LocalLossValue; features: tf.Tensor | null; gradients: (tf.Tensor | null)[] } {
    const { value, gradients: slopes } = gradients(() => {
      const features = forward(this.block.units, x, true);
      const { total, ...rest } = this.aux.loss(features, batch);
      return { loss: total, rest, features: this.#isLast ? null : features };
    }, this.#variables);
    return { loss: { total: value.loss, ...value.rest }, features: value.features, gradients: slopes };
  }

  dispose(): void {
    this.optimizer.dispose();
    this.aux.dispose();
    for (const unit of this.block.units) unit.dispose();
  }
}

/** Applies units in order; `x` stays the caller's, and so does the result. */
export function forward(units: readonly Unit[], x: tf.Tensor, training: boolean): tf.Tensor {
  return units.reduce((features, unit) => {
    const next = unit.apply(features, training);
    if (features !== x) features.dispose();
    return next;
  }, x);
}

function unitVariables(units: readonly Unit[], kind: 'parameters' | 'buffers'): NamedVariables {
  return Object.fromEntries(
    units.flatMap((unit) => Object.entries(unit[kind]()).map(([name, variable]) => [`${unit.name}.${name}`, variable])),
  );
}

/** The classifier keeps its name; auxiliary networks are numbered by block, from 0. */
function auxVariables(block: LocalBlock, aux: AuxiliaryNetwork, isLast: boolean, kind: 'parameters' | 'buffers'): NamedVariables {
  const prefix = isLast ? 'classifier' : `aux.${block.index}`;
  return Object.fromEntries(Object.entries(aux[kind]()).map(([name, variable]) => [`${prefix}.${name}`, variable]));
}
