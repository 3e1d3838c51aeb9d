import { anyOf, defineSchema, oneOf, positiveInt } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, Shape } from '@man/core';
import { prefixed } from '@man/core';
import { batchNorm, conv2d, globalAveragePool, linear, relu, resize, sequential, type UnitFactory } from '@man/nn';
import { sigmoidCrossEntropy, softmaxCrossEntropy, weightedSum } from '@man/ops';
import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { badOption, featureShape, pixelsMissing } from './errors.ts';
import { type InfoProPreset, type LambdaRange, lambdaRange, lambdasAt } from './schedule.ts';

export interface InfoProOptions {
  /**
   * Weights of the two terms by block: a preset, or `{ first, last }` to interpolate between.
   * Default `'cifar10'`, which chooses by the number of blocks.
   */
  readonly schedule?: InfoProPreset | LambdaRange;
  /** Convolutions and linear layers of the classification head; default `'1c2f'` (`'2c2f'` with `'man-release'`). */
  readonly head?: '1c2f' | '2c2f';
  /** Width of the head's hidden linear layer; default 128. */
  readonly hidden?: number;
}

/** {@link InfoProOptions} as keys of a configuration. */
export const infoproSchema = defineSchema({
  schedule: {
    doc: 'Weights of reconstruction and classification by block.',
    default: 'cifar10',
    format: anyOf(oneOf('cifar10', 'man-release'), lambdaRange),
  },
  head: { doc: 'Convolutions and linear layers of the classification head.', default: '1c2f', format: oneOf('1c2f', '2c2f') },
  hidden: { doc: "Width of the head's hidden layer.", default: 128, format: positiveInt },
});

/**
 * InfoPro's local loss, softmax variant: `λ1 · BCE(decoder(h), picture) + λ2 · CE(head(h), label)`.
 *
 * The head and the decoder are built from the shape of the features they are given, so they also serve behind MAN.
 * A term whose weight is 0 has no part in the loss, so that its layers get no gradient. Batches must carry `pixels`.
 *
 * Differs from MAN's released code (unless `schedule: 'man-release'`): r is the block's index over K - 2, the head has one
 * convolution.
 *
 * @throws MAN_INFOPRO_OPTION; when training MAN_INFOPRO_PIXELS
 * @see Wang et al., "Revisiting Locally Supervised Learning", ICLR 2021, Proposition 1; Su et al. (MAN), ECCV 2024, §2.1
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: infopro() });
 * ```
 */
export function infopro(options: InfoProOptions = {}): LocalLoss {
  const { schedule = 'cifar10', hidden = 128 } = options;
  const head = options.head ?? (schedule === 'man-release' ? '2c2f' : '1c2f');
  if (head !== '1c2f' && head !== '2c2f') throw badOption('head', "'1c2f' or '2c2f'", head);
  return { name: 'infopro', build: (site) => build(site, { schedule, head, hidden }) };
}

function build(site: AuxSite, { schedule, head: kind, hidden }: Required<InfoProOptions>): AuxiliaryNetwork {
  const { rng, featureShape: shape, imageShape, classes } = site;
  const block = site.block.index + 1;
  if (shape.length !== 3) throw featureShape(block, shape);
  const weights = lambdasAt(site, schedule);
  if (weights.reconstruction === 0 && weights.classification === 0)
    throw badOption('schedule', `weights that leave block ${block} of ${site.depth} a term`, schedule);
  const head = classificationHead(shape, imageShape, kind, hidden, classes)({ name: 'head', inputShape: shape, rng: rng.split('head') });
  const decoder = decoderLayers(imageShape)({ name: 'decoder', inputShape: shape, rng: rng.split('decoder') });
  return {
    loss(features, batch) {
      const { pixels } = batch;
      if (pixels === undefined) throw pixelsMissing(block);
      const logits = head.apply(features, true) as Tensor2D;
      const terms: Record<string, Scalar> = {};
      if (weights.reconstruction !== 0) terms.reconstruction = tf.tidy(() => sigmoidCrossEntropy(decoder.apply(features, true), pixels));
      if (weights.classification !== 0) terms.classification = softmaxCrossEntropy(logits, batch.labels);
      const names = Object.keys(terms) as (keyof typeof weights)[];
      const total = weightedSum(Object.values(terms), names.map((name) => weights[name])); // biome-ignore format: one line
      return { total, terms, logits };
    },
    parameters: () => prefixed({ head: head.parameters(), decoder: decoder.parameters() }),
    buffers: () => prefixed({ head: head.buffers(), decoder: decoder.buffers() }),
    macs: () => (head.macs?.() ?? 0) + (decoder.macs?.() ?? 0),
    dispose() {
      head.dispose();
      decoder.dispose();
    },
  };
}

/**
 * One or two 3×3 convolutions, pooling, two linear layers. The first convolution halves the resolution and doubles the width
 * until the features are a quarter of the picture's size (16→32, 32→64, 64→64 in the CIFAR networks).
 */
function classificationHead(shape: Shape, imageShape: Shape, kind: '1c2f' | '2c2f', hidden: number, classes: number): UnitFactory {
  const isSmall = 4 * (shape[0] as number) <= (imageShape[0] as number);
  const filters = (shape[2] as number) * (isSmall ? 1 : 2);
  const second = { conv2: conv2d({ filters, kernel: 3, padding: 1 }), bn2: batchNorm(), relu2: relu() };
  return sequential({
    conv1: conv2d({ filters, kernel: 3, padding: 1, stride: isSmall ? 1 : 2 }),
    bn1: batchNorm(),
    relu1: relu(),
    ...(kind === '2c2f' ? second : {}),
    pool: globalAveragePool(),
    hidden: linear({ features: hidden }),
    relu: relu(),
    output: linear({ features: classes }),
  });
}

/** From features to logits of the picture's pixels. */
function decoderLayers([height, width, channels]: Shape): UnitFactory {
  return sequential({
    resize: resize([height as number, width as number]),
    conv1: conv2d({ filters: 12, kernel: 3, padding: 1, bias: true }),
    bn: batchNorm(),
    relu: relu(),
    conv2: conv2d({ filters: channels as number, kernel: 3, padding: 1, bias: true }),
  });
}
