import { type AuxiliaryNetwork, type Batch, forward, type NamedVariables, type Unit } from '@man/core';
import { gradients } from '@man/ops';
import * as tf from '@tensorflow/tfjs';

/** What a block made of a batch; both are the caller's. */
export interface BlockResult {
  /** `[n, ...outputShape]` */
  readonly features: tf.Tensor;
  /** What was minimised; null for a block with nothing to train. */
  readonly loss: tf.Scalar | null;
}

/** A block of layers and what trains it. */
export class BlockLearner {
  readonly #units: readonly Unit[];
  readonly #layers: readonly tf.layers.Layer[];
  /** Null for the last block, which learns by the model's own loss, and where all layers are frozen. */
  readonly #aux: AuxiliaryNetwork | null;

  /** The auxiliary network is its own from here on. */
  constructor(units: readonly Unit[], layers: readonly tf.layers.Layer[], aux: AuxiliaryNetwork | null) {
    this.#units = units;
    this.#layers = layers;
    this.#aux = aux;
  }

  /**
   * A step on a batch. Penalties of the layers' regularizers are added to the loss, as `model.fit` does.
   *
   * @param ownLoss of the block's output, where there is no local loss
   */
  step(x: tf.Tensor, batch: Batch, optimizer: tf.Optimizer, ownLoss: ((output: tf.Tensor) => tf.Scalar) | null): BlockResult {
    const aux = this.#aux;
    const lossOf = aux === null ? ownLoss : (features: tf.Tensor) => aux.loss(features, batch).total;
    if (lossOf === null) return { features: forward(this.#units, x, true), loss: null };
    const variables = [...this.#units, ...(aux === null ? [] : [aux])].flatMap((part) => Object.values(part.parameters()));
    const { value, gradients: slopes } = gradients(() => {
      const features = forward(this.#units, x, true);
      const penalties = this.#layers.flatMap((layer) => layer.calculateLosses());
      return { loss: penalties.reduce((sum, penalty) => tf.add(sum, penalty), lossOf(features)), features };
    }, variables);
    const found = variables.flatMap(({ name }, i) => (slopes[i] ? [{ name, tensor: slopes[i] }] : []));
    if (found.length > 0) optimizer.applyGradients(found);
    tf.dispose(slopes as tf.Tensor[]);
    return value;
  }

  /** What only training needs, by name: weights of the local loss, MAN's copies. */
  variables(): NamedVariables {
    return { ...this.#aux?.parameters(), ...this.#aux?.buffers() };
  }

  dispose(): void {
    this.#aux?.dispose();
  }
}
