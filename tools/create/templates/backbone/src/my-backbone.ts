import type { Backbone, Shape } from '@man/core';
import * as nn from '@man/nn';

/** Options of {@link myBackbone}. */
export interface MyBackboneOptions {
  /** Channels of the first stage; the others have two and four times as many. Default 16. */
  readonly width?: number;
  /** `[height, width, channels]`; default `[32, 32, 3]`. */
  readonly inputShape?: Shape;
  /** Default 10. */
  readonly classes?: number;
}

/**
 * A plain network of six 3×3 convolutions in three stages, global average pooling and one linear layer.
 *
 * Units are named `stage1.unit0`, …, `stage3.unit1`; each may end a block.
 *
 * @example
 * ```ts
 * createTrainer({ backbone: myBackbone(), partition: { blocks: 3 }, loss: infopro() });
 * ```
 */
export function myBackbone({ width = 16, inputShape = [32, 32, 3], classes = 10 }: MyBackboneOptions = {}): Backbone {
  const unit = (filters: number, stride: number) =>
    nn.sequential({ conv: nn.conv2d({ filters, kernel: 3, padding: 1, stride }), bn: nn.batchNorm(), relu: nn.relu() });
  const plans = [1, 2, 3].flatMap((stage) =>
    [0, 1].map((index) => ({
      name: `stage${stage}.unit${index}`,
      stage,
      factory: unit(width * 2 ** (stage - 1), stage > 1 && index === 0 ? 2 : 1),
    })),
  );
  return {
    name: 'my-backbone',
    inputShape,
    classes,
    // Number of blocks → the last unit of each block but the final one.
    partitions: {
      2: ['stage1.unit1'],
      3: ['stage1.unit1', 'stage2.unit1'],
      6: ['stage1.unit0', 'stage1.unit1', 'stage2.unit0', 'stage2.unit1', 'stage3.unit0'],
    },
    build: (rng) => nn.buildNetwork(rng, inputShape, plans, nn.averageClassifier(classes)),
  };
}
