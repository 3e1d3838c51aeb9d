import { defineSchema, oneOf, positiveInt } from '@man/base';
import type { Backbone, Partitions, Shape } from '@man/core';
import { basicUnit, bottleneckUnit, residualBackbone } from '@man/nn';
import { badDepth } from './errors.ts';
import { checkOptions } from './options.ts';

export interface ImageNetResNetOptions {
  /** Default 1000. */
  readonly classes?: number;
  /** `[height, width, channels]`; default `[224, 224, 3]`. */
  readonly inputShape?: Shape;
  /** Channels of the stem and of the 3×3 convolutions of the first stage; those of the others double. Default 64. */
  readonly width?: number;
}

/** Options of {@link imageNetResNet} as keys of a configuration, without those that the data set decides. */
export const imageNetResNetSchema = defineSchema({
  depth: { doc: 'Layers with weights.', default: 101, format: oneOf(18, 34, 50, 101, 152) },
  width: { doc: 'Channels of the stem.', default: 64, format: positiveInt },
});

interface Plan {
  /** Units of each stage. */
  readonly units: readonly number[];
  readonly kind: 'basic' | 'bottleneck';
  readonly partitions?: Partitions;
  readonly splits?: Readonly<Record<string, Partitions>>;
}

/** As MAN's first release and InfoPro cut both deep networks into four blocks. */
const FOUR = ['stage3.unit0', 'stage3.unit9', 'stage3.unit17'];

const PLANS: Readonly<Record<number, Plan>> = {
  18: { units: [2, 2, 2, 2], kind: 'basic' },
  34: { units: [3, 4, 6, 3], kind: 'basic' },
  50: { units: [3, 4, 6, 3], kind: 'bottleneck' },
  101: {
    units: [3, 4, 23, 3],
    kind: 'bottleneck',
    partitions: { 2: ['stage2.unit0'], 4: FOUR },
    splits: { manpp: { 4: ['stage2.unit2', 'stage3.unit8', 'stage3.unit16'] } },
  },
  152: {
    units: [3, 8, 36, 3],
    kind: 'bottleneck',
    partitions: { 2: ['stage2.unit5'], 4: FOUR },
    splits: { manpp: { 4: ['stage2.unit6', 'stage3.unit13', 'stage3.unit25'] } },
  },
};

/**
 * ResNet-18, 34, 50, 101 or 152 for ImageNet: a 7×7 stem with max-pooling, four stages of residual units (of two 3×3 convolutions up
 * to 34 layers, bottlenecks from 50 on), global average pooling, one linear layer.
 *
 * Units are named `stem`, `stage1.unit0`, …, `stage4.unit<n>`; the classifier's layer is `classifier.linear`. Bottlenecks have their
 * stride in the 3×3 convolution, and the last batch norm of a unit starts at 1.
 *
 * @throws MAN_RESNET_DEPTH, MAN_RESNET_OPTION
 * @see He et al., "Deep residual learning", CVPR 2016, Table 1
 * @example
 * ```ts
 * createTrainer({ backbone: imageNetResNet({ depth: 101 }), partition: { blocks: 4 }, loss: infopro() });
 * ```
 */
export function imageNetResNet(options: ImageNetResNetOptions & { readonly depth: number }): Backbone {
  const { depth, classes = 1000, inputShape = [224, 224, 3], width = 64 } = options;
  const plan = Object.hasOwn(PLANS, depth) ? PLANS[depth] : undefined;
  if (plan === undefined)
    throw badDepth(
      Object.keys(PLANS).join(', '),
      depth,
      'take resnet18, 34, 50, 101 or 152; resnet({ depth: 6n + 2 }) is for small pictures',
    );
  checkOptions({ classes, inputShape, width });
  const { units, kind, partitions = {}, splits = {} } = plan;
  return residualBackbone({
    name: `resnet${depth}`,
    inputShape,
    classes,
    width,
    units,
    partitions,
    splits,
    unit(stage, stride) {
      const inner = width * 2 ** (stage - 1);
      return kind === 'basic' ? basicUnit({ filters: inner, stride }) : bottleneckUnit({ filters: 4 * inner, inner, stride });
    },
  });
}

/** ResNet-18: 11,689,512 parameters. */
export const resnet18 = (options: ImageNetResNetOptions = {}): Backbone => imageNetResNet({ ...options, depth: 18 });
/** ResNet-34: 21,797,672 parameters. */
export const resnet34 = (options: ImageNetResNetOptions = {}): Backbone => imageNetResNet({ ...options, depth: 34 });
/** ResNet-50: 25,557,032 parameters. */
export const resnet50 = (options: ImageNetResNetOptions = {}): Backbone => imageNetResNet({ ...options, depth: 50 });
/** ResNet-101: 44,549,160 parameters; published partitions of 2 and 4 blocks. */
export const resnet101 = (options: ImageNetResNetOptions = {}): Backbone => imageNetResNet({ ...options, depth: 101 });
/** ResNet-152: 60,192,808 parameters; published partitions of 2 and 4 blocks. */
export const resnet152 = (options: ImageNetResNetOptions = {}): Backbone => imageNetResNet({ ...options, depth: 152 });
