import * as tf from '@tensorflow/tfjs';
import { unsupported } from './errors.ts';

const LOSSES: readonly unknown[] = ['categoricalCrossentropy', 'sparseCategoricalCrossentropy'];

/**
 * Input and output of a model that can be cut.
 *
 * @throws MAN_LAYERS_UNSUPPORTED for several inputs or outputs, for models as layers, and for what is no classifier
 */
export function endsOf({ inputs, outputs, layers }: tf.LayersModel): readonly [tf.SymbolicTensor, tf.SymbolicTensor] {
  const [input, output] = [only('inputs', inputs), only('outputs', outputs)];
  const nested = layers.find((layer) => layer instanceof tf.LayersModel);
  if (nested !== undefined) throw unsupported(`'${nested.name}', a model as a layer`, 'put its layers in its place');
  const { sourceLayer: last } = output;
  const isSoftmax = last.getClassName() === 'Softmax' || last.getConfig().activation === 'softmax';
  if (output.shape.length !== 2 || output.shape[1] === 1 || !isSoftmax)
    throw unsupported(
      `'${last.name}', an output of shape [${output.shape.join(',')}]${isSoftmax ? '' : ' without softmax'}`,
      "end the model with a softmax over at least two classes, such as tf.layers.dense({ units: 10, activation: 'softmax' })",
    );
  return [input, output];
}

function only(what: string, tensors: readonly tf.SymbolicTensor[]): tf.SymbolicTensor {
  const [first, ...others] = tensors;
  if (first === undefined || others.length > 0) {
    const names = tensors.map(({ sourceLayer }) => `'${sourceLayer.name}'`).join(', ');
    throw unsupported(`${tensors.length} ${what}: ${names}`, 'train such a model with model.fit');
  }
  return first;
}

/** @throws MAN_LAYERS_UNSUPPORTED for a loss that does not classify */
export function checkLoss(loss: unknown): void {
  if (!LOSSES.includes(loss))
    throw unsupported(
      typeof loss === 'string' ? `the loss '${loss}'` : 'another loss than those of classifiers',
      "local losses classify: compile with loss 'categoricalCrossentropy' or 'sparseCategoricalCrossentropy'",
    );
}

/** @throws MAN_LAYERS_UNSUPPORTED */
export function checkWeights({ classWeight, sampleWeight }: Pick<tf.ModelFitArgs, 'classWeight' | 'sampleWeight'>): void {
  if (classWeight != null || sampleWeight != null)
    throw unsupported('weights of classes or examples', 'leave classWeight and sampleWeight out: local losses know no weights');
}
