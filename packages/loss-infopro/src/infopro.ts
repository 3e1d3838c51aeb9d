import { anyOf, defineSchema, oneOf, positiveInt, positiveNumber } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, LocalLossValue, Shape } from '@man/core';
import { prefixed } from '@man/core';
import { tokenPicture } from '@man/nn';
import { normalizeRows, sigmoidCrossEntropy, softmaxCrossEntropy, supervisedContrast, weightedSum } from '@man/ops';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs';
import { auxiliaryLayers, type InfoProHead } from './auxiliary.ts';
import { badOption, featureShape, pixelsMissing } from './errors.ts';
import {
  DATASETS,
  type InfoProDataset,
  type InfoProPreset,
  type LambdaRange,
  lambdaRange,
  lambdasAt,
  PRESET_NAMES,
  presetFor,
  rangeOf,
} from './schedule.ts';

/** Options of {@link infopro}. */
export interface InfoProOptions {
  /**
   * Weights of the two terms by block: a preset, or `{ first, last }` to interpolate between.
   * Default `'auto'`, the preset of the data set whose number of blocks is nearest.
   */
  readonly schedule?: 'auto' | InfoProPreset | LambdaRange;
  /** The data set whose presets `schedule: 'auto'` chooses from; default `'cifar10'`. */
  readonly dataset?: InfoProDataset;
  /** What the head learns: to name the label (`'softmax'`, default), or features that are alike where labels are (`'contrast'`). */
  readonly mode?: InfoProMode;
  /** What `'contrast'` divides the features' cosines by; default 0.07. */
  readonly temperature?: number;
  /**
   * Convolutions and linear layers of the head: `'1c2f'` or `'2c2f'`, with the decoder for CIFAR. Default `'auto'`, the head and the decoder
   * for ImageNet where features are an eighth of the picture's size or less, else `'1c2f'` (`'2c2f'` with `'man-release'`).
   */
  readonly head?: InfoProHead;
  /** Width of the hidden linear layer of `'1c2f'` and `'2c2f'`; default 128. */
  readonly hidden?: number;
}

/** Variants of the classification term: cross-entropy, or supervised contrast. */
export type InfoProMode = 'softmax' | 'contrast';

/** {@link InfoProOptions} as keys of a configuration. */
export const infoproSchema = defineSchema({
  schedule: {
    doc: 'Weights of reconstruction and classification by block.',
    default: 'auto',
    format: anyOf(oneOf('auto', ...PRESET_NAMES), lambdaRange),
  },
  dataset: { doc: 'Data set whose published weights schedule: auto takes.', default: 'cifar10', format: oneOf(...DATASETS) },
  mode: {
    doc: 'What the head learns: to name the label, or features alike by label.',
    default: 'softmax',
    format: oneOf('softmax', 'contrast'),
  },
  temperature: { doc: "What contrast divides the features' cosines by.", default: 0.07, format: positiveNumber },
  head: {
    doc: "Convolutions and linear layers of the head; auto takes ImageNet's from an eighth of the picture's size on.",
    default: 'auto',
    format: oneOf('auto', '1c2f', '2c2f'),
  },
  hidden: { doc: 'Width of the hidden layer of 1c2f and 2c2f.', default: 128, format: positiveInt },
});

/** Values by which `'contrast'` compares pictures. */
const FEATURES = 128;

/**
 * InfoPro's local loss: `λ1 · BCE(decoder(h), picture) + λ2 · CE(head(h), label)`, or with `mode: 'contrast'` the supervised contrastive
 * loss of the head's features in place of the cross-entropy; there are no logits then, and so no accuracy of the block.
 *
 * The head and the decoder are built from the shape of the features they are given, so they also serve behind MAN. Tokens are taken as the
 * picture whose patches they were, without a class token.
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
  const { schedule = 'auto', dataset = 'cifar10', mode = 'softmax', temperature = 0.07, head = 'auto', hidden = 128 } = options;
  if (head !== 'auto' && head !== '1c2f' && head !== '2c2f') throw badOption('head', "'auto', '1c2f' or '2c2f'", head);
  if (mode !== 'softmax' && mode !== 'contrast') throw badOption('mode', "'softmax' or 'contrast'", mode);
  if (!(temperature > 0)) throw badOption('temperature', 'a number above 0', temperature);
  if (!DATASETS.includes(dataset)) throw badOption('dataset', `one of ${DATASETS.join(', ')}`, dataset);
  if (schedule !== 'auto') rangeOf(schedule);
  const scheduleOf = (blocks: number) => (schedule === 'auto' ? presetFor(dataset, blocks) : schedule);
  return {
    name: 'infopro',
    objection: ({ featureShape: shape, imageShape }) =>
      pictureOf(shape, imageShape) === null ? `decodes pictures, and is given features of shape [${shape.join(',')}]` : null,
    describe: (blocks) => describe(scheduleOf(blocks), mode),
    build: (site) => build(site, { schedule: scheduleOf(site.depth), mode, temperature, head, hidden }),
  };
}

/** Options with what was chosen for the network. */
type Resolved = Required<Omit<InfoProOptions, 'schedule' | 'dataset'>> & { readonly schedule: InfoProPreset | LambdaRange };

function build(site: AuxSite, options: Resolved): AuxiliaryNetwork {
  const { schedule, mode, head: kind, hidden } = options;
  const { rng, featureShape: shape, imageShape, classes } = site;
  const block = site.block.index + 1;
  const picture = pictureOf(shape, imageShape);
  if (picture === null) throw featureShape(block, shape);
  const seen = asPicture(site, picture);
  const { reconstruction, classification } = lambdasAt(site, schedule);
  const outputs = mode === 'contrast' ? FEATURES : classes;
  const small = schedule === 'man-release' ? '2c2f' : '1c2f';
  const layers = auxiliaryLayers(picture, imageShape, { kind, small, hidden, outputs });
  const head = layers.head({ name: 'head', inputShape: picture, rng: rng.split('head') });
  const decoder = layers.decoder({ name: 'decoder', inputShape: picture, rng: rng.split('decoder') });
  return {
    loss(features, { labels, pixels }) {
      if (pixels === undefined) throw pixelsMissing(block);
      const judged = classification === 0 ? { terms: {} } : judge(() => tf.tidy(() => head.apply(seen(features), true)), labels, options);
      const rebuilt = () => ({ reconstruction: tf.tidy(() => sigmoidCrossEntropy(decoder.apply(seen(features), true), pixels)) });
      const terms: Record<string, Scalar> = { ...(reconstruction === 0 ? {} : rebuilt()), ...judged.terms };
      const total = weightedSum(Object.values(terms), [reconstruction, classification].filter((weight) => weight !== 0)); // biome-ignore format: one line
      return { ...judged, terms, total };
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

/** The shape of the picture that features are, null for none: tokens are one, of patches in the proportions of the network's own pictures. */
function pictureOf(shape: Shape, imageShape: Shape): Shape | null {
  if (shape.length !== 2) return shape.length === 3 ? shape : null;
  const [tokens, features] = shape as readonly [number, number];
  const [height, width] = imageShape as readonly [number, number];
  // The patches alone, or behind a class token.
  for (const patches of [tokens, tokens - 1]) {
    const rows = Math.round(Math.sqrt((patches * height) / width));
    const columns = patches / rows;
    if (rows > 0 && rows * width === columns * height) return [rows, columns, features];
  }
  return null;
}

/** What head and decoder are given of the features. */
function asPicture({ featureShape: shape, rng }: AuxSite, [height, width]: Shape): (features: Tensor) => Tensor {
  if (shape.length === 3) return (features) => features;
  const tokens = tokenPicture({ height: height as number, width: width as number })({ name: 'tokens', inputShape: shape, rng });
  return (features) => tokens.apply(features, true);
}

/** The second term, of what the head says. */
function judge(head: () => Tensor, labels: Tensor1D, { mode, temperature }: Resolved): Omit<LocalLossValue, 'total'> {
  if (mode === 'contrast')
    return { terms: { contrast: tf.tidy(() => supervisedContrast(normalizeRows(head()), labels, { temperature })) } };
  const logits = head() as Tensor2D;
  return { terms: { classification: softmaxCrossEntropy(logits, labels) }, logits };
}

/** `schedule cifar10-resnet32-k16: reconstruction 5 to 0.2, classification 0.05 to 0.5` */
function describe(schedule: InfoProPreset | LambdaRange, mode: InfoProMode): string {
  const { first, last } = rangeOf(schedule);
  const span = (from: number, to: number) => (from === to ? `${from}` : `${from} to ${to}`);
  const [name, second] = [typeof schedule === 'string' ? ` ${schedule}` : '', mode === 'contrast' ? 'contrast' : 'classification'];
  const weights = `reconstruction ${span(first.reconstruction, last.reconstruction)}, ${second} ${span(first.classification, last.classification)}`;
  return `schedule${name}: ${weights}${schedule === 'man-release' ? ', by stage' : ''}`;
}
