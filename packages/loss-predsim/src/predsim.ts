import { defineSchema, oneOf, positiveInt, unitInterval } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, Shape } from '@man/core';
import { prefixed } from '@man/core';
import { averagePool, conv2d, flatten, linear, reshape, sequential, type UnitFactory } from '@man/nn';
import { normalizeRows, similarityLoss, softmaxCrossEntropy, spatialDeviation, weightedSum } from '@man/ops';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { badOption, featureShape } from './errors.ts';
import { planPooling } from './plan-pooling.ts';

export interface PredSimOptions {
  /** Weight of the similarity, 0 … 1; the prediction has the rest. Default 0.99. */
  readonly beta?: number;
  /** Most values that pooling leaves to the prediction's linear layer. Default 512, as AugLocal; the method's authors have 4096. */
  readonly poolTarget?: number;
  /** Start of the prediction's weight: drawn (`'default'`, as AugLocal), or 0 (`'zero'`, as the method's authors). */
  readonly init?: 'default' | 'zero';
}

/** {@link PredSimOptions} as keys of a configuration. */
export const predsimSchema = defineSchema({
  beta: { doc: 'Weight of the similarity; the prediction has the rest.', default: 0.99, format: unitInterval },
  poolTarget: {
    doc: 'Most values that pooling leaves to the prediction (512 AugLocal, 4096 the authors).',
    default: 512,
    format: positiveInt,
  },
  init: { doc: "Start of the prediction's weight.", default: 'default', format: oneOf('default', 'zero') },
});

/** Added to the length of a row that is divided by it. */
const EPSILON = 1e-8;

/**
 * The local loss of prediction and similarity: `(1 - β) · CE(linear(pool(h)), y) + β · mean((R(conv(h)) - R(onehot(y)))²)`, where R are
 * the cosines between the examples of the batch, each its channels' spatial standard deviations less their mean.
 *
 * The parts are built from the shape of the features they are given, so they also serve behind MAN. Of flat features (`[features]`) there
 * is nothing to pool; the convolution becomes a linear layer, and R compares the values themselves. Tokens are taken as a picture one pixel wide.
 * A term whose weight is 0 has no part in the loss, so that its layers get no gradient.
 *
 * Differs from the method's authors as AugLocal's comparison does: one loss per block instead of per layer, 512 values to predict from
 * instead of 4096, a drawn weight instead of zeros, and the last block's loss is not scaled.
 *
 * @throws MAN_PREDSIM_OPTION; when built MAN_PREDSIM_SHAPE
 * @see Nøkland and Eidnes, "Training Neural Networks with Local Error Signals", ICML 2019; Su et al. (MAN), ECCV 2024, §2.1
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: predsim() });
 * ```
 */
export function predsim(options: PredSimOptions = {}): LocalLoss {
  const { beta = 0.99, poolTarget = 512, init = 'default' } = options;
  if (!(beta >= 0 && beta <= 1)) throw badOption('beta', 'a number from 0 to 1', beta);
  if (!Number.isInteger(poolTarget) || poolTarget < 1) throw badOption('poolTarget', 'a whole number ≥ 1', poolTarget);
  if (init !== 'default' && init !== 'zero') throw badOption('init', "'default' or 'zero'", init);
  return {
    name: 'predsim',
    objection: ({ featureShape: shape }) =>
      isServed(shape) ? null : `takes pictures, tokens or flat features, and is given features of shape [${shape.join(',')}]`,
    build: (site) => build(site, { beta, poolTarget, init }),
  };
}

const isServed = ({ length }: Shape) => length >= 1 && length <= 3;

function build(site: AuxSite, { beta, poolTarget, init }: Required<PredSimOptions>): AuxiliaryNetwork {
  const { rng, featureShape: shape, classes } = site;
  if (!isServed(shape)) throw featureShape(site.block.index + 1, shape);
  const make = (name: string, layers: Record<string, UnitFactory>) => sequential(layers)({ name, inputShape: shape, rng: rng.split(name) });
  const output = { linear: linear({ features: classes, init }) };
  const prediction = make('prediction', { ...poolingLayers(shape, poolTarget), ...output });
  const similarity = make('similarity', similarityLayers(shape));
  return {
    loss(features, { labels }) {
      const logits = prediction.apply(features, true) as Tensor2D;
      const terms: Record<string, Scalar> = {};
      if (beta !== 1) terms.classification = softmaxCrossEntropy(logits, labels);
      if (beta !== 0)
        terms.similarity = tf.tidy(() => similarityLoss(rowsOf(similarity.apply(features, true)), targetsOf(labels, classes)));
      const weights = Object.keys(terms).map((name) => (name === 'similarity' ? beta : 1 - beta));
      return { total: weightedSum(Object.values(terms), weights), terms, logits };
    },
    parameters: () => prefixed({ prediction: prediction.parameters(), similarity: similarity.parameters() }),
    buffers: () => ({}),
    macs: () => (prediction.macs?.() ?? 0) + (similarity.macs?.() ?? 0),
    dispose() {
      prediction.dispose();
      similarity.dispose();
    },
  };
}

function poolingLayers(shape: Shape, target: number): Record<string, UnitFactory> {
  if (shape.length === 1) return {};
  if (shape.length === 2) return { picture: reshape(asPicture(shape)), ...poolingLayers(asPicture(shape), target) };
  const { window, padding } = planPooling(shape, target);
  return { pool: averagePool({ size: window, padding }), flatten: flatten() };
}

function similarityLayers(shape: Shape): Record<string, UnitFactory> {
  const width = shape.at(-1) as number;
  if (shape.length === 1) return { linear: linear({ features: width, bias: false }) };
  const conv = { conv: conv2d({ filters: width, kernel: 3, padding: 1 }) };
  return shape.length === 2 ? { picture: reshape(asPicture(shape)), ...conv } : conv;
}

/** Tokens are a picture one pixel wide. */
const asPicture = ([tokens, features]: Shape) => [tokens, 1, features] as [number, number, number];

/** An example's row: how much each channel varies over the picture; of a picture's colours, or of a single pixel, the values. */
function rowsOf(x: Tensor): Tensor2D {
  const [n, height, , channels] = x.shape as [number, number, number, number];
  const isSpread = x.rank === 4 && channels > 3 && height > 1;
  return normalizeRows(isSpread ? spatialDeviation(x) : tf.reshape(x, [n, -1]), { center: true, epsilon: EPSILON });
}

/** Similarities that the labels ask for: 1 within a class, -1 / (classes - 1) between two. */
function targetsOf(labels: Tensor1D, classes: number): Tensor2D {
  const rows = normalizeRows(tf.oneHot(labels, classes, 1, 0, 'float32'), { center: true, epsilon: EPSILON });
  return tf.clipByValue(tf.matMul(rows, rows, false, true), -1, 1) as Tensor2D;
}
