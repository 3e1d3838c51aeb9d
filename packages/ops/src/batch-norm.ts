import * as tf from '@tensorflow/tfjs';
import { shapeMismatch, singleValueStatistics } from './errors.ts';
import { defineGradient, defineKernel, float, shared } from './kernel.ts';

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5 (PyTorch). */
  readonly epsilon?: number;
  /** Weight of the new value in the running statistics; default 0.1 (PyTorch's `momentum`). */
  readonly momentum?: number;
}

/** Result of {@link batchNormTraining}; all three tensors are the caller's. */
export interface BatchNormResult {
  readonly y: tf.Tensor;
  readonly runningMean: tf.Tensor;
  readonly runningVariance: tf.Tensor;
}

/** A channel's parameters and running statistics, each `[channels]` float32. */
export interface BatchNormVariables {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
  readonly runningMean: tf.Tensor;
  readonly runningVariance: tf.Tensor;
}

interface Attributes extends Readonly<Record<string, unknown>> {
  readonly epsilon: number;
  readonly momentum: number;
}

/**
 * Batch normalisation with the statistics of this batch (biased variance), and the running statistics moved towards
 * them: `running ← (1 - momentum)·running + momentum·batch`, with the unbiased variance, as PyTorch does.
 *
 * @param x `[n, height, width, channels]` or `[n, channels]` float32
 * @returns new tensors; the running statistics are returned, not assigned
 * @throws MAN_OPS_SHAPE, MAN_OPS_BATCH_TOO_SMALL for one value per channel
 * @example
 * ```ts
 * const { y, runningMean, runningVariance } = batchNormTraining(x, { weight, bias, runningMean: mean, runningVariance: variance });
 * ```
 */
export function batchNormTraining(x: tf.Tensor, variables: BatchNormVariables, options: BatchNormOptions = {}): BatchNormResult {
  check(x, variables);
  if (x.size === x.shape[x.rank - 1]) throw singleValueStatistics(x.shape);
  const { weight, bias, runningMean, runningVariance } = variables;
  return tf.tidy(() => {
    const image = asImage(x);
    const [y, mean, variance] = training(
      { x: image, weight, bias, runningMean, runningVariance },
      { epsilon: options.epsilon ?? 1e-5, momentum: options.momentum ?? 0.1 },
    );
    return { y: x.rank === 4 ? y! : tf.reshape(y!, x.shape), runningMean: mean!, runningVariance: variance! };
  });
}

/**
 * Batch normalisation with the running statistics, as in evaluation.
 *
 * @param x `[n, height, width, channels]` or `[n, channels]` float32
 * @throws MAN_OPS_SHAPE
 */
export function batchNormEvaluation(x: tf.Tensor, variables: BatchNormVariables, options: BatchNormOptions = {}): tf.Tensor {
  check(x, variables);
  const { weight, bias, runningMean, runningVariance } = variables;
  return tf.tidy(() => {
    const scale = tf.mul(weight, tf.rsqrt(tf.add(runningVariance, options.epsilon ?? 1e-5)));
    return tf.add(tf.mul(x, scale), tf.sub(bias, tf.mul(runningMean, scale)));
  });
}

function check(x: tf.Tensor, variables: BatchNormVariables): void {
  if (x.rank !== 4 && x.rank !== 2) throw shapeMismatch('batchNorm', 'x of shape [n, height, width, channels] or [n, channels]', x);
  const channels = x.shape[x.rank - 1] as number;
  for (const [name, tensor] of Object.entries(variables) as [string, tf.Tensor][]) {
    if (tensor.rank !== 1 || tensor.shape[0] !== channels) throw shapeMismatch('batchNorm', `${name} of shape [${channels}]`, tensor);
  }
}

function asImage(x: tf.Tensor): tf.Tensor {
  return x.rank === 4 ? x : tf.reshape(x, [x.shape[0] as number, 1, 1, x.shape[1] as number]);
}

type Inputs = { x: tf.Tensor; weight: tf.Tensor; bias: tf.Tensor; runningMean: tf.Tensor; runningVariance: tf.Tensor };

/** Outputs: y, new running mean and variance, then two reserves for the gradient (batch mean and variance) and an unused third. */
const training = defineKernel<Inputs, Attributes, tf.Tensor[]>('ManBatchNorm', {
  tensorflow: ({ x, weight, bias, runningMean, runningVariance }, { epsilon, momentum }, raw) =>
    raw.many('FusedBatchNormV3', [x, weight, bias, runningMean, runningVariance], 6, {
      T: 'float32',
      U: 'float32',
      epsilon: float(epsilon),
      exponential_avg_factor: float(momentum),
      data_format: 'NHWC',
      is_training: true,
    }),
  composed: ({ x, weight, bias, runningMean, runningVariance }, { epsilon, momentum }) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const values = x.size / (x.shape[3] as number);
    const y = tf.add(tf.mul(tf.sub(x, mean), tf.mul(weight, tf.rsqrt(tf.add(variance, epsilon)))), bias);
    const unbiased = tf.mul(variance, values / (values - 1));
    return [y, blend(runningMean, mean, momentum), blend(runningVariance, unbiased, momentum), mean, variance, tf.scalar(0)];
  },
});

function blend(old: tf.Tensor, recent: tf.Tensor, weight: number): tf.Tensor {
  return tf.add(tf.mul(old, 1 - weight), tf.mul(recent, weight));
}

const trainingGradient = defineKernel<
  { dy: tf.Tensor; x: tf.Tensor; weight: tf.Tensor; mean: tf.Tensor; variance: tf.Tensor; reserve: tf.Tensor },
  Attributes,
  tf.Tensor[]
>('ManBatchNormGradient', {
  tensorflow: ({ dy, x, weight, mean, variance, reserve }, { epsilon }, raw) => {
    const results = raw.many('FusedBatchNormGradV3', [dy, x, weight, mean, variance, reserve], 5, {
      T: 'float32',
      U: 'float32',
      epsilon: float(epsilon),
      data_format: 'NHWC',
      is_training: true,
    });
    tf.dispose(results.splice(3));
    return results;
  },
  composed: ({ dy, x, weight, mean, variance }, { epsilon }) => {
    const values = x.size / (x.shape[3] as number);
    const scale = tf.rsqrt(tf.add(variance, epsilon));
    const normalised = tf.mul(tf.sub(x, mean), scale);
    const dBias = tf.sum(dy, [0, 1, 2]);
    const dWeight = tf.sum(tf.mul(dy, normalised), [0, 1, 2]);
    const centred = tf.sub(dy, tf.div(tf.add(dBias, tf.mul(normalised, dWeight)), values));
    return [tf.mul(centred, tf.mul(weight, scale)), dWeight, dBias];
  },
});

defineGradient<Attributes>('ManBatchNorm', {
  inputs: ['x', 'weight'],
  outputs: [false, false, false, true, true, true],
  gradient: (dy, [x, weight, mean, variance, reserve], attributes) => {
    const results = shared(() =>
      trainingGradient({ dy, x: x!, weight: weight!, mean: mean!, variance: variance!, reserve: reserve! }, attributes),
    );
    return { x: () => results()[0]!, weight: () => results()[1]!, bias: () => results()[2]! };
  },
});
