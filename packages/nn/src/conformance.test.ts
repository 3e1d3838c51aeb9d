import { useEngine } from '@man/ops';
import { runConformance, unitConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import {
  adaptiveAveragePool,
  attention,
  averagePool,
  basicUnit,
  batchNorm,
  bottleneckUnit,
  conv2d,
  dropout,
  encoderLayer,
  firstToken,
  flatten,
  gelu,
  globalAveragePool,
  layerNorm,
  linear,
  maxPool,
  patchEmbedding,
  relu,
  reshape,
  resize,
  sequential,
  tokenPicture,
  type UnitFactory,
} from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each<[string, UnitFactory, number[]]>([
  ['conv2d', conv2d({ filters: 4, kernel: 3, stride: 2, padding: 1, bias: true }), [5, 6, 2]],
  ['conv2d in groups', conv2d({ filters: 4, kernel: 3, groups: 2 }), [5, 6, 4]],
  ['batchNorm', batchNorm(), [3, 4, 5]],
  ['linear', linear({ features: 3 }), [5]],
  ['relu', relu(), [7]],
  ['dropout', dropout(0.4), [9]],
  ['flatten', flatten(), [2, 3, 2]],
  ['globalAveragePool', globalAveragePool(), [4, 3, 2]],
  ['adaptiveAveragePool', adaptiveAveragePool(2), [5, 3, 2]],
  ['averagePool', averagePool({ size: 2 }), [4, 4, 2]],
  ['maxPool', maxPool({ size: 3, stride: 2, padding: 1 }), [6, 5, 2]],
  ['resize', resize([6, 7]), [3, 4, 2]],
  ['sequential', sequential({ conv: conv2d({ filters: 4, kernel: 3 }), bn: batchNorm(), relu: relu(), drop: dropout(0.2) }), [5, 5, 2]],
  ['basicUnit', basicUnit({ filters: 6, stride: 2 }), [6, 6, 4]],
  ['patchEmbedding', patchEmbedding({ patch: 2, features: 6 }), [4, 6, 3]],
  ['layerNorm', layerNorm(), [5, 4]],
  ['gelu', gelu(), [5, 4]],
  ['linear of tokens', linear({ features: 3 }), [5, 4]],
  ['firstToken', firstToken(), [5, 4]],
  ['tokenPicture', tokenPicture({ height: 2, width: 2 }), [5, 4]],
  ['reshape', reshape([2, 2, 5]), [5, 4]],
  ['attention', attention({ heads: 2 }), [5, 4]],
  ['encoderLayer', encoderLayer({ heads: 2 }), [5, 4]],
  ['bottleneckUnit', bottleneckUnit({ filters: 8, stride: 2, groups: 2 }), [6, 6, 4]],
])('%s', (_, factory, inputShape) => {
  runConformance(
    unitConformance((rng) => factory({ name: 'unit', inputShape, rng })),
    { test },
  );
});
