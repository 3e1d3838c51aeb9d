import type { Shape } from '@man/core';
import type * as tf from '@tensorflow/tfjs';
import { unsupported } from './errors.ts';

type Layer = tf.layers.Layer;

/** A layer's turn in a model. */
export interface Step {
  readonly layer: Layer;
  /** Which steps its inputs come from; {@link INPUT} for the model's input. */
  readonly from: readonly number[];
  /** With the batch axis, as `layer.build` takes them. */
  readonly inputShapes: readonly tf.Shape[];
  /** Without the batch axis. */
  readonly outputShape: Shape;
}

/** Where the model's input comes from. */
export const INPUT = -1;

/**
 * The layers of a model in an order in which they can be applied.
 *
 * @throws MAN_LAYERS_UNSUPPORTED, with the layer's name
 */
export function stepsOf(input: tf.SymbolicTensor, output: tf.SymbolicTensor): readonly Step[] {
  const places = new Map([[input.id, INPUT]]);
  const steps: Step[] = [];
  const visit = (tensor: tf.SymbolicTensor): number => {
    const known = places.get(tensor.id);
    if (known !== undefined) return known;
    const from = tensor.inputs.map(visit);
    const layer = tensor.sourceLayer;
    checkLayer(layer, tensor);
    if (steps.some((step) => step.layer === layer))
      throw unsupported(`'${layer.name}', a layer that is applied more than once`, 'give each place a layer of its own');
    steps.push({ layer, from, inputShapes: tensor.inputs.map(({ shape }) => shape), outputShape: tensor.shape.slice(1) as number[] });
    places.set(tensor.id, steps.length - 1);
    return steps.length - 1;
  };
  visit(output);
  return steps;
}

function checkLayer(layer: Layer, { nodeIndex, shape }: tf.SymbolicTensor): void {
  const outputs = layer.inboundNodes[nodeIndex]?.outputTensors.length ?? 1;
  if (outputs > 1) throw unsupported(`'${layer.name}', a layer with ${outputs} outputs`, 'replace it by layers with one output each');
  if (layer.stateful) throw unsupported(`'${layer.name}', a stateful layer`, 'build it with stateful: false');
  if (layer.getClassName() === 'Masking' || layer.getConfig().maskZero === true)
    throw unsupported(`'${layer.name}', a layer that makes a mask`, 'masks are not handed on from block to block: build the model without');
  if (shape.slice(1).some((size) => size === null))
    throw unsupported(
      `'${layer.name}', whose output has the shape [${shape.join(',')}]`,
      'give the input layer an inputShape without null: local losses are built for a shape',
    );
}

/** The steps behind which nothing but their own output goes on; those are the same for every order of the steps. */
export function narrowPlaces(steps: readonly Step[]): number[] {
  const lastReader = new Map<number, number>();
  for (const [i, { from }] of steps.entries()) for (const place of from) lastReader.set(place, i);
  let furthest = lastReader.get(INPUT) ?? INPUT;
  return [...steps.keys()].filter((i) => {
    const isNarrow = furthest <= i;
    furthest = Math.max(furthest, lastReader.get(i) ?? i);
    return isNarrow;
  });
}
