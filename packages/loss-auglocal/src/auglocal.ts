import { defineSchema, positiveInt, unitInterval } from '@man/base';
import type { AuxiliaryNetwork, AuxSite, LocalLoss, Shape } from '@man/core';
import { batchNorm, globalAveragePool, linear, reshape, sequential, type UnitFactory } from '@man/nn';
import { softmaxCrossEntropy } from '@man/ops';
import type { Tensor2D } from '@tensorflow/tfjs';
import { chooseUnits } from './choose-units.ts';
import { badOption, batchOfOne, featureShape } from './errors.ts';

export interface AugLocalOptions {
  /** Units of the first block's auxiliary network, d in the paper; default 5. */
  readonly depth?: number;
  /**
   * How far the number of units has come down to one at the last block that has an auxiliary network, from 0, which leaves it the same for all,
   * to 1; default 0.5, with which the authors' networks were trained.
   */
  readonly pyramid?: number;
}

const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;

/** {@link AugLocalOptions} as keys of a configuration. */
export const auglocalSchema = defineSchema({
  depth: { doc: "Units of the first block's auxiliary network.", default: 5, format: positiveInt },
  pyramid: {
    doc: 'How far the number of units comes down to one, from 0 (not at all) to 1, up to the last block.',
    default: 0.5,
    format: unitInterval,
  },
});

/**
 * The local loss of AugLocal: the cross-entropy behind units like those that follow in the network, with weights of their own, a global
 * pooling and a linear layer. A block so learns what later ones can go on with.
 *
 * The units are evenly chosen from all behind the block, with a number that falls linearly from block to block. They keep the shapes that
 * they have in the network, so only those can follow each other that fit.
 *
 * Differs from the authors' code, which builds units anew where widths do not fit, and rounds halves to even numbers; see the README.
 *
 * @throws MAN_AUGLOCAL_OPTION; when built MAN_AUGLOCAL_SHAPE; when training MAN_AUGLOCAL_BATCH
 * @see Ma et al., "Scaling Supervised Local Learning with Augmented Auxiliary Networks", ICLR 2024, §3
 * @example
 * ```ts
 * createTrainer({ backbone: resnet110(), partition: { blocks: 55 }, loss: auglocal({ depth: 3 }) });
 * ```
 */
export function auglocal(options: AugLocalOptions = {}): LocalLoss {
  const { depth = 5, pyramid = 0.5 } = options;
  if (!Number.isInteger(depth) || depth < 1) throw badOption('depth', 'a whole number ≥ 1', depth);
  if (!isShare(pyramid)) throw badOption('pyramid', 'a number from 0 to 1', pyramid);
  const unitsAt = (index: number, blocks: number) => pyramidal(depth, pyramid, index, blocks);
  return {
    name: 'auglocal',
    objection: ({ featureShape: shape }) =>
      takesShape(shape) ? null : `takes pictures, tokens or vectors, and is given features of shape [${shape.join(',')}]`,
    describe: (blocks) => `auxiliary networks of ${depth} later units, where there are as many, down to ${unitsAt(blocks - 2, blocks)}`,
    build: (site) => build(site, unitsAt(site.block.index, site.depth)),
  };
}

/** Units of the auxiliary network of block i = 0 … K-2 of K: from `depth` linearly towards 1. */
function pyramidal(depth: number, pyramid: number, index: number, blocks: number): number {
  const share = blocks > 2 ? (pyramid * index) / (blocks - 2) : 0;
  return Math.round(depth * (1 - share) + share);
}

function build(site: AuxSite, depth: number): AuxiliaryNetwork {
  const { featureShape: shape, following, classes, rng } = site;
  const block = site.block.index + 1;
  const units = chooseUnits(following, shape, depth);
  const last = units.at(-1)?.outputShape ?? shape;
  if (!takesShape(last)) throw featureShape(block, last);
  const isNormalised = depth === 1;
  const network = sequential({
    ...Object.fromEntries(units.map((unit, i) => [`unit${i + 1}`, like(unit)])),
    ...pooling(last),
    ...(isNormalised ? { bn: batchNorm() } : {}),
    output: linear({ features: classes }),
  })({ name: 'auglocal', inputShape: shape, rng });
  return {
    loss(features, { labels }) {
      if (isNormalised && features.shape[0] === 1) throw batchOfOne(block);
      const logits = network.apply(features, true) as Tensor2D;
      const total = softmaxCrossEntropy(logits, labels);
      return { total, terms: { classification: total }, logits };
    },
    parameters: () => network.parameters(),
    buffers: () => network.buffers(),
    macs: () => network.macs?.() ?? 0,
    dispose: () => network.dispose(),
  };
}

const like =
  (unit: AuxSite['following'][number]): UnitFactory =>
  ({ name, rng }) =>
    unit.clone(name, rng);

const takesShape = ({ length }: Shape) => length >= 1 && length <= 3;

/** To one value per channel; tokens are a picture one pixel wide. */
function pooling(shape: Shape): Record<string, UnitFactory> {
  if (shape.length === 1) return {};
  if (shape.length === 2) return { picture: reshape([shape[0] as number, 1, shape[1] as number]), pool: globalAveragePool() };
  return { pool: globalAveragePool() };
}
