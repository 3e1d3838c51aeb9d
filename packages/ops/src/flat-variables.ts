import * as tf from '@tensorflow/tfjs';
import { rawTensorFlow } from './kernel.ts';

/**
 * A list of variables seen as one long vector, so that an update is a handful of operations however many there are.
 *
 * The variables stay ordinary ones: reading gathers them again if anybody assigned to one meanwhile, writing assigns to each.
 */
export class FlatVariables {
  readonly variables: readonly tf.Variable[];
  readonly #sizes: number[];
  readonly #flatShape: tf.Tensor1D;
  readonly #shapes: readonly tf.Tensor1D[];
  #flat: tf.Tensor1D | undefined;
  /** What each variable held when `#flat` was made; another identity means somebody assigned to it. */
  #held: unknown[] = [];

  constructor(variables: readonly tf.Variable[]) {
    this.variables = variables;
    this.#sizes = variables.map((variable) => variable.size);
    this.#flatShape = tf.keep(tf.tensor1d([-1], 'int32'));
    this.#shapes = variables.map((variable) => tf.keep(tf.tensor1d(variable.shape, 'int32')));
  }

  /** The values as one vector `[Σ sizes]`; it stays this object's and lives until the next `write`. */
  read(): tf.Tensor1D {
    const stale = this.variables.some((variable, i) => variable.dataId !== this.#held[i]);
    if (this.#flat === undefined || stale) this.#remember(tf.tidy(() => this.join(this.variables)));
    return this.#flat as tf.Tensor1D;
  }

  /** Assigns to every variable its piece of `flat`, which becomes this object's. */
  write(flat: tf.Tensor1D): void {
    tf.tidy(() => {
      const pieces = tf.split(flat, this.#sizes);
      this.variables.forEach((variable, i) => {
        variable.assign(reshapeTo(pieces[i] as tf.Tensor, variable.shape, this.#shapes[i] as tf.Tensor1D));
      });
    });
    this.#remember(flat);
  }

  /** Assigns to every variable a tensor of its own; the tensors are disposed of. */
  assign(values: readonly tf.Tensor[]): void {
    this.variables.forEach((variable, i) => {
      variable.assign(values[i] as tf.Tensor);
      values[i]?.dispose();
    });
  }

  /** Tensors of the variables' shapes, in their order, as one vector; the caller's. */
  join(tensors: readonly tf.Tensor[]): tf.Tensor1D {
    return tf.tidy(() => {
      const rows = tensors.map((tensor, i) => reshapeTo(tensor, [this.#sizes[i] as number], this.#flatShape) as tf.Tensor1D);
      return rows.length === 1 ? tf.clone(rows[0] as tf.Tensor1D) : tf.concat1d(rows);
    });
  }

  /** The reverse of {@link join}: pieces of `flat` in the variables' shapes; the caller's. */
  pieces(flat: tf.Tensor1D): tf.Tensor[] {
    return tf.tidy(() => tf.split(flat, this.#sizes).map((piece, i) => tf.reshape(piece, this.variables[i]!.shape)));
  }

  dispose(): void {
    tf.dispose([this.#flatShape, ...this.#shapes]);
    this.#flat?.dispose();
    this.#flat = undefined;
  }

  #remember(flat: tf.Tensor1D): void {
    if (this.#flat !== flat) this.#flat?.dispose();
    this.#flat = tf.keep(flat);
    this.#held = this.variables.map((variable) => variable.dataId);
  }
}

/** Reshape with the target's shape already on the engine: `tf.reshape` uploads it anew every time. */
function reshapeTo(tensor: tf.Tensor, shape: readonly number[], shapeTensor: tf.Tensor): tf.Tensor {
  const raw = rawTensorFlow();
  return raw === undefined ? tf.reshape(tensor, [...shape]) : raw.one('Reshape', [tensor, shapeTensor], { T: 'float32', Tshape: 'int32' });
}
