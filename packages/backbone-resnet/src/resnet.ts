import type { Rng } from '@man/base';
import type { Backbone, Network, Shape, Unit } from '@man/core';
import { batchNorm, conv2d, globalAveragePool, linear, relu, sequential, type UnitFactory } from '@man/nn';
import { basicUnit } from './basic-unit.ts';
import { badDepth, badOption } from './errors.ts';
import { publishedCuts } from './partitions.ts';

export interface ResNetOptions {
  /** Default 10. */
  readonly classes?: number;
  /** `[height, width, channels]`; default `[32, 32, 3]`. STL-10 is `[96, 96, 3]`, not resized. */
  readonly inputShape?: Shape;
  /** Channels of the first stage; the others have two and four times as many. Default 16. */
  readonly width?: number;
}

/**
 * ResNet-(6n+2) for small pictures: a 3×3 stem, three stages of n residual units, global average pooling, one linear layer.
 *
 * Units are named `stem`, `stage1.unit0`, …, `stage3.unit<n-1>`; the classifier's layer is `classifier.linear`.
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
  if (!Number.isInteger(perStage) || perStage < 1) throw badDepth(depth);
  if (!Number.isInteger(width) || width < 1) throw badOption('width', 'a whole number ≥ 1', width);
  if (!Number.isInteger(classes) || classes < 2) throw badOption('classes', 'a whole number ≥ 2', classes);
  if (inputShape.length !== 3) throw badOption('inputShape', '[height, width, channels]', inputShape);
  return {
    name: `resnet${depth}`,
    inputShape,
    classes,
    partitions: publishedCuts(perStage),
    build: (rng) => build(rng, { perStage, width, inputShape, classes }),
  };
}

interface Plan {
  readonly perStage: number;
  readonly width: number;
  readonly inputShape: Shape;
  readonly classes: number;
}

function build(rng: Rng, { perStage, width, inputShape, classes }: Plan): Network {
  const units: Unit[] = [];
  let shape = inputShape;
  const append = (name: string, stage: number, factory: UnitFactory) => {
    const unit = factory({ name, stage, inputShape: shape, rng: rng.split(name) });
    units.push(unit);
    shape = unit.outputShape;
  };
  append('stem', 0, sequential({ conv: conv2d({ filters: width, kernel: 3, padding: 1 }), bn: batchNorm(), relu: relu() }));
  for (const stage of [1, 2, 3]) {
    for (let i = 0; i < perStage; i++) {
      append(`stage${stage}.unit${i}`, stage, basicUnit({ filters: width * 2 ** (stage - 1), stride: stage > 1 && i === 0 ? 2 : 1 }));
    }
  }
  const classifier = sequential({ pool: globalAveragePool(), linear: linear({ features: classes }) });
  return {
    units: units as unknown as Network['units'],
    classifier: classifier({ name: 'classifier', inputShape: shape, rng: rng.split('classifier') }),
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
