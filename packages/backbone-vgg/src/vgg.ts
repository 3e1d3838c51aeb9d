import { defineSchema, format, oneOf, positiveInt, truth } from '@man/base';
import type { Backbone, Shape } from '@man/core';
import {
  adaptiveAveragePool,
  batchNorm,
  buildNetwork,
  conv2d,
  dropout,
  flatten,
  linear,
  maxPool,
  relu,
  sequential,
  type UnitFactory,
  type UnitPlan,
} from '@man/nn';
import { badOption } from './errors.ts';
import { torchNames } from './torch-names.ts';

export interface VggOptions {
  /** Default 1000. */
  readonly classes?: number;
  /** `[height, width, channels]`, at least 32 high and wide; default `[224, 224, 3]`. */
  readonly inputShape?: Shape;
  /** Channels of the first stage; the others have 2, 4, 8 and 8 times as many. Default 64. */
  readonly width?: number;
  /** Width of the classifier's two hidden layers; default 4096. */
  readonly hidden?: number;
  /** Share of the hidden values that is dropped in training; default 0. VGG's own paper and AugLocal take 0.5, DGL 0. */
  readonly dropout?: number;
  /** Whether a batch norm stands behind each convolution; default true. */
  readonly batchNorm?: boolean;
}

const share = format<number>('a number from 0 to below 1', (value) => typeof value === 'number' && value >= 0 && value < 1);

/** Options of {@link vgg} as keys of a configuration, without those that the data set decides. */
export const vggSchema = defineSchema({
  depth: { doc: 'Layers with weights.', default: 13, format: oneOf(11, 13, 16, 19) },
  width: { doc: 'Channels of the first stage.', default: 64, format: positiveInt },
  hidden: { doc: "Width of the classifier's hidden layers.", default: 4096, format: positiveInt },
  dropout: { doc: 'Share of the hidden values that is dropped in training.', default: 0, format: share },
  batchNorm: { doc: 'Whether a batch norm stands behind each convolution.', default: true, format: truth },
});

/** Convolutions of each stage. */
const STAGES: Readonly<Record<number, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};
/** Height and width of what the classifier flattens. */
const GRID = 7;

/**
 * VGG-11, 13, 16 or 19: 3×3 convolutions with batch norm in five stages, and a classifier of three linear layers.
 *
 * Units are named `stage1.unit0`, …, one for each convolution; the max-pooling between stages belongs to the first unit behind it, the
 * last one to the classifier (`classifier.fc1`, `fc2`, `fc3`). Pictures of another size than 224×224 are averaged to 7×7 values in front of
 * the linear layers. The finest partition, a convolution to each block, is published for VGG-13 (10 blocks).
 *
 * Initial weights: convolutions normal with variance 2 / (9 · filters), linear layers normal with deviation 0.01, every bias 0.
 *
 * @throws MAN_VGG_OPTION
 * @see Simonyan and Zisserman, "Very deep convolutional networks", ICLR 2015, Table 1; with batch norm Belilovsky et al. (DGL), ICML 2020
 * @example
 * ```ts
 * createTrainer({ backbone: vgg({ depth: 13, dropout: 0.5 }), partition: { blocks: 10 }, loss: dgl() });
 * ```
 */
export function vgg(options: VggOptions & { readonly depth: number }): Backbone {
  const { depth, classes = 1000, inputShape = [224, 224, 3], width = 64, hidden = 4096 } = options;
  const stages = Object.hasOwn(STAGES, depth) ? STAGES[depth] : undefined;
  if (stages === undefined) throw badOption('depth', Object.keys(STAGES).join(', '), depth);
  check({ classes, inputShape, width, hidden, dropout: options.dropout ?? 0 });
  const isNormalised = options.batchNorm ?? true;
  const plans = unitsOf(stages, width, isNormalised);
  const names = plans.map(({ name }) => name);
  return {
    name: `vgg${depth}`,
    inputShape,
    classes,
    partitions: { [names.length]: names.slice(0, -1) },
    torch: torchNames(names, isNormalised, [GRID, GRID, 8 * width]),
    build: (rng) => buildNetwork(rng, inputShape, plans, classifier(hidden, classes, options.dropout ?? 0)),
  };
}

function check({ inputShape, dropout, classes, ...sizes }: Required<Omit<VggOptions, 'batchNorm'>>): void {
  for (const [name, value] of Object.entries(sizes))
    if (!Number.isInteger(value) || value < 1) throw badOption(name, 'a whole number ≥ 1', value);
  if (!Number.isInteger(classes) || classes < 2) throw badOption('classes', 'a whole number ≥ 2', classes);
  if (inputShape.length !== 3 || !inputShape.slice(0, 2).every((length) => length >= 32))
    throw badOption('inputShape', '[height, width, channels], at least 32 high and wide', inputShape);
  if (!(dropout >= 0 && dropout < 1)) throw badOption('dropout', 'a number from 0 to below 1', dropout);
}

function unitsOf(stages: readonly number[], width: number, isNormalised: boolean): UnitPlan[] {
  return stages.flatMap((count, before) =>
    Array.from({ length: count }, (_, i) => {
      const filters = width * Math.min(2 ** before, 8);
      const factory = sequential({
        ...(i === 0 && before > 0 ? { pool: maxPool({ size: 2 }) } : {}),
        conv: conv2d({ filters, kernel: 3, padding: 1, bias: 'zeros' }),
        ...(isNormalised ? { bn: batchNorm() } : {}),
        relu: relu(),
      });
      return { name: `stage${before + 1}.unit${i}`, stage: before + 1, factory };
    }),
  );
}

function classifier(hidden: number, classes: number, rate: number): UnitFactory {
  const layer = (features: number) => linear({ features, init: { deviation: 0.01 } });
  const behind = (index: number): Readonly<Record<string, UnitFactory>> => (rate === 0 ? {} : { [`dropout${index}`]: dropout(rate) });
  return sequential({
    pool: maxPool({ size: 2 }),
    average: adaptiveAveragePool(GRID),
    flatten: flatten(),
    fc1: layer(hidden),
    relu1: relu(),
    ...behind(1),
    fc2: layer(hidden),
    relu2: relu(),
    ...behind(2),
    fc3: layer(classes),
  });
}

/** VGG-11. */
export const vgg11 = (options: VggOptions = {}): Backbone => vgg({ ...options, depth: 11 });
/** VGG-13: 133,053,736 parameters; published partition of 10 blocks. */
export const vgg13 = (options: VggOptions = {}): Backbone => vgg({ ...options, depth: 13 });
/** VGG-16. */
export const vgg16 = (options: VggOptions = {}): Backbone => vgg({ ...options, depth: 16 });
/** VGG-19. */
export const vgg19 = (options: VggOptions = {}): Backbone => vgg({ ...options, depth: 19 });
