import type { TrainerPlugin } from '@man/core';
import { useEngine } from '@man/ops';
import { pluginConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { clipGradients, earlyStopping, weightAverage } from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each<[string, () => TrainerPlugin]>([
  ['clipGradients by norm', () => clipGradients({ norm: 0.1 })],
  ['clipGradients by value', () => clipGradients({ value: 0.01 })],
  ['earlyStopping', () => earlyStopping({ patience: 5 })],
  ['weightAverage', () => weightAverage({ momentum: 0.9 })],
])('%s', (_, create) => runConformance(pluginConformance(create), { test }));
