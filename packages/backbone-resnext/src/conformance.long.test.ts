import { useEngine } from '@man/ops';
import { backboneConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { resnext } from './index.ts';

beforeAll(() => useEngine('auto'));

describe('resnext', () => {
  const create = () => resnext({ depth: 50, width: 2, groups: 2, widthPerGroup: 2, inputShape: [32, 32, 3], classes: 3 });
  runConformance(backboneConformance(create), { test });
});
