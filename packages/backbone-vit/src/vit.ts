import { defineSchema, positiveInt } from '@man/base';
import type { Backbone, Partitions, Shape } from '@man/core';
import { buildNetwork, encoderLayer, firstToken, layerNorm, linear, patchEmbedding, sequential } from '@man/nn';
import { badOption } from './errors.ts';
import { torchNames } from './torch-names.ts';

export interface VitOptions {
  /** Default 1000. */
  readonly classes?: number;
  /** `[height, width, channels]`; default `[224, 224, 3]`. */
  readonly inputShape?: Shape;
  /** Height and width of a patch; divides those of the picture. Default 16, and 4 for pictures of up to 64. */
  readonly patch?: number;
  /** Values of a token; default 192. */
  readonly width?: number;
  /** Layers of the encoder; default 12. */
  readonly depth?: number;
  /** Heads of the attention; divides `width`. Default one for every 64 values. */
  readonly heads?: number;
}

/** Options of {@link vit} as keys of a configuration, without those that the data set decides. */
export const vitSchema = defineSchema({
  width: { doc: 'Values of a token.', default: 192, format: positiveInt },
  depth: { doc: 'Layers of the encoder.', default: 12, format: positiveInt },
  heads: { doc: 'Heads of the attention; null takes one for every 64 values.', default: null, format: positiveInt, nullable: true },
  patch: {
    doc: 'Height and width of a patch; null takes 16, and 4 for small pictures.',
    default: null,
    format: positiveInt,
    nullable: true,
  },
});

/** What people call a network of this width. */
const SIZES: Readonly<Record<number, string>> = { 192: 'tiny', 384: 'small', 768: 'base' };
/** Pictures up to this size are cut into small patches. */
const SMALL = 64;

/**
 * Vision transformer: patches become tokens (`stem`), which the layers of an encoder change (`layer0`, `layer1`, …, each a unit of shape
 * `[tokens, width]`); the classifier reads the class token off behind a last normalisation.
 *
 * All layers are alike, so the partitions into equally many layers are ready: for 12 layers 2, 3, 4, 6 and 12 blocks, the stem in the first
 * one, and 13 with the stem alone.
 *
 * Initial weights: the patches' projection normal with variance 1 / fan-in, all else normal with deviation 0.02, biases and class token 0.
 *
 * @throws MAN_VIT_OPTION
 * @see Dosovitskiy et al., "An image is worth 16×16 words", ICLR 2021; Tiny and Small: Touvron et al. (DeiT), ICML 2021
 * @example
 * ```ts
 * createTrainer({ backbone: vitTiny({ inputShape: [32, 32, 3], classes: 10 }), partition: { blocks: 4 }, loss: dgl(), plugins: [man()] });
 * ```
 */
export function vit(options: VitOptions = {}): Backbone {
  const { classes = 1000, inputShape = [224, 224, 3], width = 192, depth = 12 } = options;
  const patch = options.patch ?? (Math.max(inputShape[0] ?? 0, inputShape[1] ?? 0) <= SMALL ? 4 : 16);
  const heads = options.heads ?? Math.max(1, Math.floor(width / 64));
  check({ classes, inputShape, width, depth, patch, heads });
  const layers = Array.from({ length: depth }, (_, i) => `layer${i}`);
  const plans = [
    { name: 'stem', stage: 0, factory: patchEmbedding({ patch, features: width }) },
    ...layers.map((name) => ({ name, stage: 1, factory: encoderLayer({ heads }) })),
  ];
  const classifier = sequential({
    norm: layerNorm(),
    token: firstToken(),
    linear: linear({ features: classes, init: { deviation: 0.02 } }),
  });
  return {
    name: `vit_${SIZES[width] ?? width}_patch${patch}`,
    inputShape,
    classes,
    partitions: evenPartitions(layers),
    torch: torchNames,
    build: (rng) => buildNetwork(rng, inputShape, plans, classifier),
  };
}

/** Into as many blocks as divide the number of layers, and one more than there are. */
function evenPartitions(layers: readonly string[]): Partitions {
  const partitions: Record<number, readonly string[]> = { [layers.length + 1]: ['stem', ...layers.slice(0, -1)] };
  for (let blocks = 2; blocks <= layers.length; blocks++) {
    const size = layers.length / blocks;
    if (Number.isInteger(size)) partitions[blocks] = layers.filter((_, i) => (i + 1) % size === 0).slice(0, -1);
  }
  return partitions;
}

function check({ inputShape, classes, heads, width, patch, ...counts }: Required<VitOptions>): void {
  for (const [name, value] of Object.entries({ ...counts, heads, width, patch }))
    if (!Number.isInteger(value) || value < 1) throw badOption(name, 'a whole number ≥ 1', value);
  if (!Number.isInteger(classes) || classes < 2) throw badOption('classes', 'a whole number ≥ 2', classes);
  if (width % heads !== 0) throw badOption('heads', `a divisor of the width, ${width}`, heads);
  const isCut = inputShape.length === 3 && inputShape.slice(0, 2).every((length) => length >= patch && length % patch === 0);
  if (!isCut) throw badOption('inputShape', `[height, width, channels], height and width multiples of the patch, ${patch}`, inputShape);
}

/** ViT-Tiny: 12 layers of 192 values; 5,717,416 parameters for 224×224 and 1000 classes. */
export const vitTiny = (options: VitOptions = {}): Backbone => vit({ width: 192, ...options });
/** ViT-Small: 12 layers of 384 values; 22,050,664 parameters for 224×224 and 1000 classes. */
export const vitSmall = (options: VitOptions = {}): Backbone => vit({ width: 384, ...options });
/** ViT-Base: 12 layers of 768 values; 86,567,656 parameters for 224×224 and 1000 classes. */
export const vitBase = (options: VitOptions = {}): Backbone => vit({ width: 768, ...options });
