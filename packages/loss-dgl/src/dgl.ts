import { defineSchema, oneOf } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, Shape } from '@man/core';
import { prefixed } from '@man/core';
import {
  adaptiveAveragePool,
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  linear,
  relu,
  reshape,
  sequential,
  type UnitFactory,
} from '@man/nn';
import { softmaxCrossEntropy } from '@man/ops';
import type { Tensor2D } from '@tensorflow/tfjs';
import { badOption, batchOfOne, featureShape } from './errors.ts';

/** Whose head: AugLocal's, that of DGL's authors (MLP-SR), or MAN++'s. */
export type DglHead = 'auglocal' | 'original' | 'manpp';

export interface DglOptions {
  /** Whose head; default `'auglocal'`. `'original'` is what the published VGG networks were trained with. */
  readonly head?: DglHead;
}

const HEADS = ['auglocal', 'original', 'manpp'] as const satisfies readonly DglHead[];

/** {@link DglOptions} as keys of a configuration. */
export const dglSchema = defineSchema({
  head: { doc: "Whose head: AugLocal's, DGL's own (recommended for VGG), or MAN++'s.", default: 'auglocal', format: oneOf(...HEADS) },
});

/**
 * The local loss of Decoupled Greedy Learning: the cross-entropy of a head of pooling, three 1×1 convolutions, pooling, and linear
 * layers. Cheap, since all but the first pooling works on a sixteenth of the pixels.
 *
 * The head is built from the shape of the features it is given, so it also serves behind MAN. Of features without places, `[n, values]`, it
 * is the linear layers alone. It normalises over the batch, which
 * therefore needs at least two pictures.
 *
 * Differs from MAN's paper (§2.1), which has a global pooling in front of the linear layers: as in AugLocal's and DGL's code, a map of
 * 2×2 is left.
 *
 * @throws MAN_DGL_OPTION; when built MAN_DGL_SHAPE; when training MAN_DGL_BATCH
 * @see Belilovsky et al., "Decoupled Greedy Learning of CNNs", ICML 2020; Su et al. (MAN), ECCV 2024, §2.1
 * @example
 * ```ts
 * createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: dgl() });
 * ```
 */
export function dgl(options: DglOptions = {}): LocalLoss {
  const { head = 'auglocal' } = options;
  if (!HEADS.includes(head)) throw badOption('head', "'auglocal', 'original' or 'manpp'", head);
  return {
    name: 'dgl',
    objection: ({ featureShape: shape }) =>
      takesShape(shape) ? null : `takes pictures, tokens or vectors, and is given features of shape [${shape.join(',')}]`,
    build: (site) => build(site, head),
  };
}

function build(site: AuxSite, kind: DglHead): AuxiliaryNetwork {
  const { rng, featureShape: shape, classes } = site;
  const block = site.block.index + 1;
  if (!takesShape(shape)) throw featureShape(block, shape);
  const head = sequential(headLayers(kind, shape, classes))({ name: 'head', inputShape: shape, rng: rng.split('head') });
  return {
    loss(features, { labels }) {
      if (features.shape[0] === 1) throw batchOfOne(block);
      const logits = head.apply(features, true) as Tensor2D;
      const total = softmaxCrossEntropy(logits, labels);
      return { total, terms: { classification: total }, logits };
    },
    parameters: () => prefixed({ head: head.parameters() }),
    buffers: () => prefixed({ head: head.buffers() }),
    macs: () => head.macs?.() ?? 0,
    dispose: () => head.dispose(),
  };
}

const takesShape = ({ length }: Shape) => length >= 1 && length <= 3;

function headLayers(kind: DglHead, shape: Shape, classes: number): Record<string, UnitFactory> {
  if (shape.length === 1) {
    const [width] = shape as [number];
    return {
      ...hiddenLayers(kind === 'auglocal' ? 2 : 3, kind === 'manpp' ? 512 : width, kind !== 'auglocal'),
      output: linear({ features: classes }),
    };
  }
  if (shape.length === 2) {
    // Tokens are a picture one pixel wide.
    const picture = [shape[0] as number, 1, shape[1] as number];
    return { picture: reshape(picture), ...headLayers(kind, picture, classes) };
  }
  if (kind === 'manpp')
    return {
      pool: adaptiveAveragePool(8),
      ...convolutions(128),
      pool2: globalAveragePool(),
      ...hiddenLayers(3, 512, true),
      output: linear({ features: classes }),
    };
  const [height, width, channels] = shape as [number, number, number];
  const quarter = [Math.ceil(height / 4), Math.ceil(width / 4)] as const;
  const corner = [Math.min(quarter[0], 2), Math.min(quarter[1], 2)] as const;
  const isOriginal = kind === 'original';
  return {
    pool: adaptiveAveragePool(quarter),
    ...convolutions(channels),
    pool2: adaptiveAveragePool(corner),
    flatten: flatten(),
    ...hiddenLayers(isOriginal ? 3 : 2, corner[0] * corner[1] * channels, isOriginal),
    output: linear({ features: classes }),
  };
}

/** `conv1`, `bn1`, `relu1`, … `relu3`: 1×1 convolutions to `filters` channels. */
function convolutions(filters: number): Record<string, UnitFactory> {
  return numbered(3, (i) => ({ [`conv${i}`]: conv2d({ filters, kernel: 1 }), [`bn${i}`]: batchNorm(), [`relu${i}`]: relu() }));
}

/** `hidden1`, …, each of `linear`, `bn` and `relu`: to `features` values, normalised over the batch. */
function hiddenLayers(count: number, features: number, bias: boolean): Record<string, UnitFactory> {
  return numbered(count, (i) => ({ [`hidden${i}`]: sequential({ linear: linear({ features, bias }), bn: batchNorm(), relu: relu() }) }));
}

function numbered(count: number, layers: (i: number) => Record<string, UnitFactory>): Record<string, UnitFactory> {
  return Object.assign({}, ...Array.from({ length: count }, (_, i) => layers(i + 1)));
}
