import { useEngine } from '@man/ops';
import { backboneConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { vit } from './index.ts';

beforeAll(() => useEngine('auto'));

describe('vit', () => {
  const create = () => vit({ width: 8, depth: 2, heads: 2, patch: 4, inputShape: [8, 8, 3], classes: 3 });
  runConformance(backboneConformance(create), { test });
});
