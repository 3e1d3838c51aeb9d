import type { Backbone } from '@man/core';
import { useEngine } from '@man/ops';
import { backboneConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { imageNetResNet, resnet } from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each<[string, () => Backbone]>([
  ['resnet', () => resnet({ depth: 8, width: 4, inputShape: [8, 8, 3], classes: 3 })],
  ['imageNetResNet', () => imageNetResNet({ depth: 18, width: 2, inputShape: [32, 32, 3], classes: 3 })],
])('%s', (_, create) => runConformance(backboneConformance(create), { test }));
