import type { Rng } from '@man/base';
import { conv2d as convolve, createVariable, layerNorm as norm, gelu as smooth, tensorOf } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { defineUnit, type UnitFactory } from './define-unit.ts';
import { badOption, inputShape as wrongInput } from './errors.ts';
import { linear } from './layers.ts';
import { asImage } from './shapes.ts';

/** Deviation of the initial weights of transformers. */
const DEVIATION = 0.02;

export interface PatchEmbeddingOptions {
  /** Height and width of a patch; divides those of the picture. */
  readonly patch: number;
  /** Values of a token. */
  readonly features: number;
}

/**
 * Cuts a picture into patches and makes a token of each, behind a class token that is learnt; adds where each stands: `[h, w, c]` →
 * `[1 + h/patch · w/patch, features]`. Variables: `projection.weight` `[patch, patch, c, features]`, `projection.bias`, `class`
 * `[1, 1, features]`, `position` `[1, tokens, features]`.
 *
 * Initial weights: the projection normal with variance 1 / fan-in, its bias and the class token 0, places normal with deviation 0.02.
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 * @see Dosovitskiy et al., "An image is worth 16×16 words", ICLR 2021, Eq. 1
 */
export function patchEmbedding({ patch, features }: PatchEmbeddingOptions): UnitFactory {
  checkCounts('patchEmbedding', { patch, features });
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const [height, width, channels] = asImage(name, inputShape);
      if (height % patch !== 0 || width % patch !== 0) throw wrongInput(name, `a height and width that ${patch} divides`, inputShape);
      const patches = (height / patch) * (width / patch);
      const fanIn = patch * patch * channels;
      const weight = normal([patch, patch, channels, features], 1 / Math.sqrt(fanIn), rng.split('projection.weight'));
      const bias = createVariable(tf.zeros([features]));
      const first = createVariable(tf.zeros([1, 1, features]));
      const position = normal([1, 1 + patches, features], DEVIATION, rng.split('position'));
      return {
        outputShape: [1 + patches, features],
        parameters: { 'projection.weight': weight, 'projection.bias': bias, class: first, position },
        macs: patches * fanIn * features,
        apply(x) {
          const n = x.shape[0] as number;
          const tokens = tf.reshape(tf.add(convolve(x, weight, { stride: patch }), bias), [n, patches, features]);
          return tf.add(tf.concat([tf.tile(first, [n, 1, 1]), tokens], 1), position);
        },
      };
    });
}

/** Layer normalisation along the last axis, any shape. Variables: `weight`, `bias`. ε = 1e-6, as transformers for pictures have it. */
export function layerNorm(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ inputShape }) => {
      const features = inputShape.at(-1) as number;
      const [weight, bias] = [createVariable(tf.ones([features])), createVariable(tf.zeros([features]))];
      return { outputShape: inputShape, parameters: { weight, bias }, apply: (x) => norm(x, weight, bias) };
    });
}

/** `x · Φ(x)`, any shape. */
export function gelu(): UnitFactory {
  return (site) => defineUnit(site, ({ inputShape }) => ({ outputShape: inputShape, apply: (x) => smooth(x) }));
}

/** The first token, `[tokens, features]` → `[features]`: where the class is read off. */
export function firstToken(): UnitFactory {
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [, features] = asTokens(name, inputShape);
      return { outputShape: [features], apply: (x) => tf.reshape(tf.slice(x, [0, 0, 0], [-1, 1, -1]), [-1, features]) };
    });
}

export interface TokenPictureOptions {
  readonly height: number;
  readonly width: number;
}

/**
 * Tokens as the picture whose patches they were, row by row: `[tokens, features]` → `[height, width, features]`. What stands in front of the
 * patches, such as a class token, is left out.
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 */
export function tokenPicture({ height, width }: TokenPictureOptions): UnitFactory {
  checkCounts('tokenPicture', { height, width });
  return (site) =>
    defineUnit(site, ({ name, inputShape }) => {
      const [tokens, features] = asTokens(name, inputShape);
      const first = tokens - height * width;
      if (first < 0) throw wrongInput(name, `${height * width} tokens or more`, inputShape);
      return {
        outputShape: [height, width, features],
        apply: (x) => tf.reshape(tf.slice(x, [0, first, 0], [-1, -1, -1]), [-1, height, width, features]),
      };
    });
}

export interface AttentionOptions {
  /** Divides the values of a token. */
  readonly heads: number;
}

/**
 * Self-attention, `[tokens, features]` → the same: each token becomes a mean of all, weighted by likeness, in each head. Variables:
 * `input.weight` `[features, 3·features]` for queries, keys and values in this order, `input.bias`, `output.weight`, `output.bias`.
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 * @see Vaswani et al., "Attention is all you need", NeurIPS 2017, §3.2
 */
export function attention({ heads }: AttentionOptions): UnitFactory {
  checkCounts('attention', { heads });
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const [tokens, features] = asTokens(name, inputShape);
      if (features % heads !== 0) throw badOption('attention', 'heads', `a divisor of ${features} features`, heads);
      const part = (label: string, width: number) =>
        linear({ features: width, init: { deviation: DEVIATION } })({ name: `${name}.${label}`, inputShape, rng: rng.split(label) });
      const [input, output] = [part('input', 3 * features), part('output', features)];
      const perHead = features / heads;
      const toHeads = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [-1, tokens, heads, perHead]), [0, 2, 1, 3]);
      return {
        outputShape: inputShape,
        parts: { input, output },
        macs: 2 * tokens * tokens * features,
        activations: 2 * heads * tokens * tokens,
        apply(x, training) {
          const [queries, keys, values] = tf.split(input.apply(x, training), 3, -1).map(toHeads) as [tf.Tensor, tf.Tensor, tf.Tensor];
          const likeness = tf.softmax(tf.matMul(tf.mul(queries, 1 / Math.sqrt(perHead)), keys, false, true));
          const mixed = tf.transpose(tf.matMul(likeness, values), [0, 2, 1, 3]);
          return output.apply(tf.reshape(mixed, [-1, tokens, features]), training);
        },
      };
    });
}

export interface EncoderLayerOptions extends AttentionOptions {
  /** Values between the two linear layers; default four times a token's. */
  readonly hidden?: number;
}

/**
 * Layer of a transformer's encoder, `[tokens, features]` → the same: `y = x + attention(norm1(x))`, `y + output(gelu(hidden(norm2(y))))`.
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 * @see Dosovitskiy et al., "An image is worth 16×16 words", ICLR 2021, Eq. 2 and 3
 */
export function encoderLayer({ heads, hidden }: EncoderLayerOptions): UnitFactory {
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const [tokens, features] = asTokens(name, inputShape);
      const width = hidden ?? 4 * features;
      const part = (label: string, factory: UnitFactory, shape = inputShape) =>
        factory({ name: `${name}.${label}`, inputShape: shape, rng: rng.split(label) });
      const parts = {
        norm1: part('norm1', layerNorm()),
        attention: part('attention', attention({ heads })),
        norm2: part('norm2', layerNorm()),
        hidden: part('hidden', linear({ features: width, init: { deviation: DEVIATION } })),
        output: part('output', linear({ features, init: { deviation: DEVIATION } }), [tokens, width]),
      };
      return {
        outputShape: inputShape,
        parts,
        apply(x, training) {
          const y = tf.add(x, parts.attention.apply(parts.norm1.apply(x, training), training));
          const inner = smooth(parts.hidden.apply(parts.norm2.apply(y, training), training));
          return tf.add(y, parts.output.apply(inner, training));
        },
      };
    });
}

function asTokens(name: string, shape: readonly number[]): readonly [tokens: number, features: number] {
  if (shape.length !== 2) throw wrongInput(name, '[tokens, features]', shape);
  return shape as readonly [number, number];
}

function checkCounts(layer: string, counts: Readonly<Record<string, number>>): void {
  for (const [option, value] of Object.entries(counts))
    if (!Number.isInteger(value) || value < 1) throw badOption(layer, option, 'a whole number ≥ 1', value);
}

function normal(shape: number[], deviation: number, rng: Rng): tf.Variable {
  return createVariable(tensorOf(shape, () => rng.normal(new Float32Array(shape.reduce((a, b) => a * b, 1)), 0, deviation)));
}
