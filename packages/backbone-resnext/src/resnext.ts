import { defineSchema, oneOf, positiveInt } from '@man/base';
import type { Backbone, Partitions, Shape } from '@man/core';
import { bottleneckUnit, residualBackbone } from '@man/nn';
import { badOption } from './errors.ts';

export interface ResNeXtOptions {
  /** Default 1000. */
  readonly classes?: number;
  /** `[height, width, channels]`; default `[224, 224, 3]`. */
  readonly inputShape?: Shape;
  /** Channels of the stem; a unit of stage s ends in 4 · 2^(s-1) times as many. Default 64. */
  readonly width?: number;
  /** Groups of the 3×3 convolutions (the paper's cardinality); default 32. */
  readonly groups?: number;
  /** Channels of each group in the first stage; those of the others double. Default 8 for 101 layers, 4 for 50. */
  readonly widthPerGroup?: number;
}

/** Options of {@link resnext} as keys of a configuration, without those that the data set decides; null stands for what is not given. */
export const resnextSchema = defineSchema({
  depth: { doc: 'Layers with weights.', default: 101, format: oneOf(50, 101) },
  groups: { doc: 'Groups of the 3×3 convolutions.', default: 32, format: positiveInt },
  widthPerGroup: {
    doc: 'Channels of a group in the first stage; null is 8, or 4 for 50 layers.',
    default: null,
    format: positiveInt,
    nullable: true,
  },
  width: { doc: 'Channels of the stem.', default: 64, format: positiveInt },
});

interface Plan {
  readonly units: readonly number[];
  readonly widthPerGroup: number;
  readonly partitions?: Partitions;
  readonly splits?: Readonly<Record<string, Partitions>>;
}

const PLANS: Readonly<Record<number, Plan>> = {
  50: { units: [3, 4, 6, 3], widthPerGroup: 4 },
  101: {
    units: [3, 4, 23, 3],
    widthPerGroup: 8,
    partitions: { 2: ['stage2.unit0'], 4: ['stage3.unit0', 'stage3.unit9', 'stage3.unit17'] },
    splits: { infopro: { 2: ['stage2.unit2'] }, manpp: { 4: ['stage2.unit2', 'stage3.unit8', 'stage3.unit16'] } },
  },
};

/**
 * ResNeXt-50 or ResNeXt-101 for ImageNet: as ResNet, with grouped 3×3 convolutions of more channels in its bottlenecks.
 *
 * Units are named `stem`, `stage1.unit0`, …, `stage4.unit2`; the classifier's layer is `classifier.linear`.
 *
 * @throws MAN_RESNEXT_OPTION
 * @see Xie et al., "Aggregated residual transformations for deep neural networks", CVPR 2017, Table 1
 * @example
 * ```ts
 * createTrainer({ backbone: resnext({ depth: 101, groups: 64, widthPerGroup: 4 }) });
 * ```
 */
export function resnext(options: ResNeXtOptions & { readonly depth: number }): Backbone {
  const { depth, classes = 1000, inputShape = [224, 224, 3], width = 64, groups = 32 } = options;
  const plan = Object.hasOwn(PLANS, depth) ? PLANS[depth] : undefined;
  if (plan === undefined) throw badOption('depth', '50 or 101', depth);
  const { units, partitions = {}, splits = {} } = plan;
  const widthPerGroup = options.widthPerGroup ?? plan.widthPerGroup;
  for (const [name, value] of Object.entries({ width, groups, widthPerGroup }))
    if (!Number.isInteger(value) || value < 1) throw badOption(name, 'a whole number ≥ 1', value);
  if (!Number.isInteger(classes) || classes < 2) throw badOption('classes', 'a whole number ≥ 2', classes);
  if (inputShape.length !== 3) throw badOption('inputShape', '[height, width, channels]', inputShape);
  return residualBackbone({
    name: `resnext${depth}_${groups}x${widthPerGroup}d`,
    inputShape,
    classes,
    width,
    units,
    partitions,
    splits,
    unit(stage, stride) {
      const scale = 2 ** (stage - 1);
      return bottleneckUnit({ filters: 4 * width * scale, inner: groups * widthPerGroup * scale, stride, groups });
    },
  });
}

/** ResNeXt-50 32x4d: 25,028,904 parameters. */
export const resnext50 = (options: ResNeXtOptions = {}): Backbone => resnext({ ...options, depth: 50 });
/** ResNeXt-101 32x8d: 88,791,336 parameters; published partitions of 2 and 4 blocks. */
export const resnext101 = (options: ResNeXtOptions = {}): Backbone => resnext({ ...options, depth: 101 });
