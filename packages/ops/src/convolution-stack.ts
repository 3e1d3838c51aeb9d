import * as tf from '@tensorflow/tfjs';
import { type BatchNormVariables, batchNormEvaluation, batchNormTraining } from './batch-norm.ts';
import { conv2d } from './conv2d.ts';
import { add, addBias, relu } from './elementwise.ts';
import { badOption } from './errors.ts';
import { nativeStack } from './native-stack.ts';
import { globalAveragePool } from './pooling.ts';
import { resizeBilinear } from './resize-bilinear.ts';
import type { Size2D } from './shapes.ts';

/** A convolution and what stands behind it. */
export interface StackLayer {
  /** `[kernelHeight, kernelWidth, in / groups, out]` */
  readonly filter: tf.Tensor;
  /** `[out]` */
  readonly bias?: tf.Tensor | undefined;
  /** Default 1. */
  readonly stride?: Size2D;
  /** Default 0. */
  readonly padding?: Size2D;
  /** Default 1. */
  readonly groups?: number;
  /** Batch normalisation behind the convolution; default none. */
  readonly norm?: BatchNormVariables | undefined;
  /** `[height, width]` to which the input is resized first, bilinearly with corners on corners; default as it is. */
  readonly resize?: readonly [number, number] | undefined;
  /** ReLU behind both; default false. */
  readonly relu?: boolean;
}

export interface StackOptions {
  /** Whether batch norms take the statistics of this batch. */
  readonly training: boolean;
  /** What is added to the last layer before its ReLU: the input itself, or the input through a layer (projection). Default nothing. */
  readonly shortcut?: 'identity' | StackLayer;
  /** Means over height and width in the end; default false. */
  readonly pool?: boolean;
}

/** New running statistics of one batch norm. */
export interface RunningStatistics {
  readonly runningMean: tf.Tensor;
  readonly runningVariance: tf.Tensor;
}

/** Result of {@link convolutionStack}; every tensor is the caller's. */
export interface StackResult {
  /** `[n, height, width, out]`, or `[n, out]` with `pool`. */
  readonly y: tf.Tensor;
  /** In training, of each layer with a norm in order, the shortcut's last; else empty. */
  readonly statistics: readonly RunningStatistics[];
}

/**
 * Convolutions one behind the other, each with batch norm and ReLU, perhaps with a residual connection around all: what most
 * networks for pictures consist of, as one differentiable operation.
 *
 * With this project's kernels a normalised activation never takes memory: the next convolution normalises what it reads, and the
 * reverse pass does so again. Elsewhere the layers run one by one; the result is the same but for rounding.
 *
 * @param x `[n, height, width, in]` float32
 * @throws MAN_OPS_SHAPE, MAN_OPS_OPTION, MAN_OPS_BATCH_TOO_SMALL
 * @example
 * ```ts
 * const { y } = convolutionStack(x, [{ filter, padding: 1, norm, relu: true }], { training: true, shortcut: 'identity' });
 * ```
 */
export function convolutionStack(x: tf.Tensor, layers: readonly StackLayer[], options: StackOptions): StackResult {
  if (layers.length === 0) throw badOption('convolutionStack', 'layers', 'at least one layer', layers);
  return nativeStack(x, layers, options) ?? composedStack(x, layers, options);
}

function composedStack(x: tf.Tensor, layers: readonly StackLayer[], options: StackOptions): StackResult {
  return tf.tidy(() => composed(x, layers, options) as unknown as tf.TensorContainer) as unknown as StackResult;
}

function composed(x: tf.Tensor, layers: readonly StackLayer[], { training, shortcut, pool }: StackOptions): StackResult {
  const statistics: RunningStatistics[] = [];
  const run = (h: tf.Tensor, layer: StackLayer): tf.Tensor => {
    const { y, moved } = tf.tidy(() => applyLayer(h, layer, training) as unknown as tf.TensorContainer) as unknown as LayerResult;
    statistics.push(...moved);
    return y;
  };
  const last = layers[layers.length - 1] as StackLayer;
  let features = layers.reduce((h, layer) => {
    const next = run(h, layer === last ? { ...layer, relu: false } : layer);
    if (h !== x) h.dispose();
    return next;
  }, x);
  if (shortcut !== undefined) features = add(features, shortcut === 'identity' ? x : run(x, { ...shortcut, relu: false }));
  if (last.relu) features = relu(features);
  return { y: pool ? globalAveragePool(features) : features, statistics };
}

interface LayerResult {
  readonly y: tf.Tensor;
  /** None or one. */
  readonly moved: readonly RunningStatistics[];
}

function applyLayer(x: tf.Tensor, layer: StackLayer, training: boolean): LayerResult {
  const { stride = 1, padding = 0, groups = 1, norm } = layer;
  const convolved = conv2d(layer.resize === undefined ? x : resizeBilinear(x, layer.resize), layer.filter, { stride, padding, groups });
  const shifted = layer.bias === undefined ? convolved : addBias(convolved, layer.bias);
  const finish = (y: tf.Tensor) => (layer.relu ? relu(y) : y);
  if (norm === undefined) return { y: finish(shifted), moved: [] };
  if (!training) return { y: finish(batchNormEvaluation(shifted, norm)), moved: [] };
  const { y, runningMean, runningVariance } = batchNormTraining(shifted, norm);
  return { y: finish(y), moved: [{ runningMean, runningVariance }] };
}
