import type { Backbone, Partitions, Shape, TorchNames } from '@man/core';
import { buildNetwork, type UnitPlan } from './build-network.ts';
import type { UnitFactory } from './define-unit.ts';
import { batchNorm, conv2d, globalAveragePool, linear, relu, sequential } from './layers.ts';
import { maxPool } from './max-pool.ts';

export interface ResidualBackboneOptions {
  readonly name: string;
  /** `[height, width, channels]` */
  readonly inputShape: Shape;
  readonly classes: number;
  /** Channels of the stem. */
  readonly width: number;
  /** Units of each stage. */
  readonly units: readonly number[];
  /** The units of stage 1, 2, …; `stride` is 2 in the first unit of each but the first stage. */
  unit(stage: number, stride: number): UnitFactory;
  readonly partitions: Partitions;
  readonly splits?: Readonly<Record<string, Partitions>>;
}

/**
 * A residual network for ImageNet: a 7×7 stem with max-pooling, stages of residual units, global average pooling, one linear layer.
 *
 * Units are named `stem`, `stage1.unit0`, …; the classifier's layer is `classifier.linear`. Weights are exchanged with PyTorch under
 * torchvision's names.
 *
 * @see He et al., "Deep residual learning", CVPR 2016, Table 1
 * @example
 * ```ts
 * const unit = (stage: number, stride: number) => bottleneckUnit({ filters: 128 * 2 ** stage, stride });
 * const resnet26 = residualBackbone({ name: 'resnet26', inputShape: [224, 224, 3], classes: 1000, width: 64, units: [2, 2, 2, 2], unit, partitions: {} });
 * ```
 */
export function residualBackbone(options: ResidualBackboneOptions): Backbone {
  const { name, inputShape, classes, width, units, unit, partitions, splits = {} } = options;
  const stem = sequential({
    conv: conv2d({ filters: width, kernel: 7, stride: 2, padding: 3 }),
    bn: batchNorm(),
    relu: relu(),
    pool: maxPool({ size: 3, stride: 2, padding: 1 }),
  });
  const plans: UnitPlan[] = [{ name: 'stem', stage: 0, factory: stem }, ...residualStages(units, unit)];
  return {
    name,
    inputShape,
    classes,
    partitions,
    splits,
    torch: residualTorchNames,
    build: (rng) => buildNetwork(rng, inputShape, plans, averageClassifier(classes)),
  };
}

/** Stages of units: `stage1.unit0`, …; the first unit of each stage but the first has stride 2. */
export function residualStages(units: readonly number[], unit: ResidualBackboneOptions['unit']): UnitPlan[] {
  return units.flatMap((count, before) =>
    Array.from({ length: count }, (_, i) => {
      const stage = before + 1;
      return { name: `stage${stage}.unit${i}`, stage, factory: unit(stage, stage > 1 && i === 0 ? 2 : 1) };
    }),
  );
}

/** Global average pooling and one linear layer. */
export function averageClassifier(classes: number): UnitFactory {
  return sequential({ pool: globalAveragePool(), linear: linear({ features: classes }) });
}

/**
 * What PyTorch's residual networks call their weights: torchvision's names, which are written, and those that networks for CIFAR
 * often have instead (`shortcut` for `downsample`, `linear` for `fc`).
 */
export const residualTorchNames: TorchNames = {
  namesOf(variable) {
    const name = variable
      .replace(/^stem\.conv\./, 'conv1.')
      .replace(/^stem\.bn\./, 'bn1.')
      .replace(/^stage(\d+)\.unit(\d+)\./, 'layer$1.$2.');
    const shortcut = (as: string) => name.replace('shortcut.conv.', `${as}.0.`).replace('shortcut.bn.', `${as}.1.`);
    if (name.includes('.shortcut.')) return [shortcut('downsample'), shortcut('shortcut')];
    const linearAs = (as: string) => name.replace(/^classifier\.linear\./, `${as}.`);
    return name.startsWith('classifier.') ? [linearAs('fc'), linearAs('linear')] : [name];
  },
};
