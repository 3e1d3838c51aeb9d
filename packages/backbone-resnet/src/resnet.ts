import { defineSchema, positiveInt } from '@man/base';
import type { Backbone, Shape } from '@man/core';
import {
  averageClassifier,
  basicUnit,
  batchNorm,
  buildNetwork,
  conv2d,
  relu,
  residualStages,
  residualTorchNames,
  sequential,
  type UnitPlan,
} from '@man/nn';
import { badDepth } from './errors.ts';
import { checkOptions } from './options.ts';
import { otherCuts, publishedCuts } from './partitions.ts';

export interface ResNetOptions {
  /** Default 10. */
  readonly classes?: number;
  /** `[height, width, channels]`; default `[32, 32, 3]`. STL-10 is `[96, 96, 3]`, not resized. */
  readonly inputShape?: Shape;
  /** Channels of the first stage; the others have two and four times as many. Default 16. */
  readonly width?: number;
}

/** Options of {@link resnet} as keys of a configuration, without those that the data set decides. */
export const resnetSchema = defineSchema({
  depth: { doc: 'Layers with weights, 6n + 2.', default: 32, format: positiveInt },
  width: { doc: 'Channels of the first stage.', default: 16, format: positiveInt },
});

/**
 * ResNet-(6n+2) for small pictures: a 3×3 stem, three stages of n residual units, global average pooling, one linear layer.
 *
 * Units are named `stem`, `stage1.unit0`, …, `stage3.unit<n-1>`; the classifier's layer is `classifier.linear`. For ResNet-50 and
 * ResNet-152 of ImageNet, see {@link imageNetResNet}.
 *
 * @throws MAN_RESNET_DEPTH, MAN_RESNET_OPTION
 * @see He et al., "Deep residual learning", CVPR 2016, §4.2
 * @example
 * ```ts
 * createTrainer({ backbone: resnet({ depth: 20, width: 8 }) });
 * ```
 */
export function resnet(options: ResNetOptions & { readonly depth: number }): Backbone {
  const { depth, classes = 10, inputShape = [32, 32, 3], width = 16 } = options;
  const perStage = (depth - 2) / 6;
  if (!Number.isInteger(perStage) || perStage < 1)
    throw badDepth('6n + 2 (8, 14, 20, 32, 44, 56, 110, …)', depth, 'take resnet20 … resnet110, or resnet({ depth: 6n + 2 })');
  checkOptions({ classes, inputShape, width });
  const stem = sequential({ conv: conv2d({ filters: width, kernel: 3, padding: 1 }), bn: batchNorm(), relu: relu() });
  const units = residualStages([perStage, perStage, perStage], (stage, stride) => basicUnit({ filters: width * 2 ** (stage - 1), stride }));
  const plans: UnitPlan[] = [{ name: 'stem', stage: 0, factory: stem }, ...units];
  return {
    name: `resnet${depth}`,
    inputShape,
    classes,
    partitions: publishedCuts(perStage),
    splits: otherCuts(perStage),
    torch: residualTorchNames,
    build: (rng) => buildNetwork(rng, inputShape, plans, averageClassifier(classes)),
  };
}

/** ResNet-20 (n = 3). */
export const resnet20 = (options: ResNetOptions = {}): Backbone => resnet({ ...options, depth: 20 });
/** ResNet-32 (n = 5): 466,906 parameters; published partitions of 8 and 16 blocks. */
export const resnet32 = (options: ResNetOptions = {}): Backbone => resnet({ ...options, depth: 32 });
/** ResNet-44 (n = 7). */
export const resnet44 = (options: ResNetOptions = {}): Backbone => resnet({ ...options, depth: 44 });
/** ResNet-56 (n = 9). */
export const resnet56 = (options: ResNetOptions = {}): Backbone => resnet({ ...options, depth: 56 });
/** ResNet-110 (n = 18): 1,730,714 parameters; published partitions of 32 and 55 blocks. */
export const resnet110 = (options: ResNetOptions = {}): Backbone => resnet({ ...options, depth: 110 });
