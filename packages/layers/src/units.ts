import { fromFunctions, type Shape, type Unit, type UnitFunctions } from '@man/core';
import type * as tf from '@tensorflow/tfjs';
import { narrowPlaces, type Step } from './steps.ts';

/** A run of steps between two narrow places, as a unit over the model's own variables. */
export interface Piece {
  readonly unit: Unit;
  readonly layers: readonly tf.layers.Layer[];
  /** Steps `start` … `end` - 1 of the model. */
  readonly start: number;
  readonly end: number;
}

/** Layers with weights that belong to the layer in front. */
const FOLLOWS = /(Normalization|PReLU)$/;

/**
 * The model in pieces that a cut may fall behind: each has one layer with weights (or a residual unit of several), with the
 * normalisation, activation and pooling behind it. The last piece is the classifier.
 *
 * @param cuts steps behind which a piece must end
 */
export function piecesOf(steps: readonly Step[], inputShape: Shape, cuts: readonly number[]): Piece[] {
  const starts = [0];
  let isWeighted = false;
  let before = 0;
  for (const place of narrowPlaces(steps)) {
    const opens = steps.slice(before, place + 1).some(({ layer }) => layer.weights.length > 0 && !FOLLOWS.test(layer.getClassName()));
    if (before > 0 && ((opens && isWeighted) || cuts.includes(before - 1))) {
      starts.push(before);
      isWeighted = false;
    }
    isWeighted ||= opens;
    before = place + 1;
  }
  return starts.map((start, i) => pieceOf(steps, start, starts[i + 1] ?? steps.length, inputShape));
}

/** Steps `start` … `end` - 1, whose only input is the output of the step before. */
export function pieceOf(steps: readonly Step[], start: number, end: number, inputShape: Shape): Piece {
  // Places as the piece counts them: 0 is its input.
  const own = steps.slice(start, end).map((step) => ({ ...step, from: step.from.map((place) => place - start + 1) }));
  const last = own.at(-1) as Step;
  const functions = functionsOf(own, steps[start - 1]?.outputShape ?? inputShape);
  const unit = fromFunctions({
    ...functions,
    name: last.layer.name,
    outputShape: last.outputShape,
    dispose: () => undefined, // the variables are the model's
  });
  const values = own.reduce((sum, { outputShape }) => sum + outputShape.reduce((a, b) => a * b, 1), 0);
  return { unit: { ...unit, activations: () => values }, layers: own.map(({ layer }) => layer), start, end };
}

function functionsOf(steps: readonly Step[], inputShape: Shape): UnitFunctions {
  const layers = steps.map(({ layer }) => layer);
  return {
    inputShape,
    apply: (x, training) => run(steps, x, training),
    parameters: () => layers.flatMap((layer) => layer.trainableWeights.map(variableOf)),
    buffers: () => layers.flatMap((layer) => layer.nonTrainableWeights.map(variableOf)),
    clone: () => functionsOf(steps.map(rebuilt), inputShape),
  };
}

const variableOf = (weight: tf.LayerVariable) => weight.read() as tf.Variable;

function run(steps: readonly Step[], x: tf.Tensor, training: boolean): tf.Tensor {
  const values = [x];
  for (const { layer, from } of steps) {
    const inputs = from.map((place) => values[place] as tf.Tensor);
    values.push(layer.apply(inputs.length === 1 ? (inputs[0] as tf.Tensor) : inputs, { training }) as tf.Tensor);
  }
  return values.at(-1) as tf.Tensor;
}

/** The same step with a layer of equal configuration and new variables. */
function rebuilt(step: Step): Step {
  const make = step.layer.constructor as tf.serialization.SerializableConstructor<tf.layers.Layer>;
  const layer = make.fromConfig(make, step.layer.getConfig()) as tf.layers.Layer;
  const [first] = step.inputShapes;
  layer.build(step.inputShapes.length === 1 ? (first as tf.Shape) : [...step.inputShapes]);
  layer.built = true;
  return { ...step, layer };
}
