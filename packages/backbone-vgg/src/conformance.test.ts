import { useEngine } from '@man/ops';
import { backboneConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { vgg11 } from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each([true, false])('vgg11, batch norm %j', (batchNorm) => {
  const create = () => vgg11({ batchNorm, dropout: 0.5, width: 2, hidden: 8, inputShape: [32, 32, 3], classes: 3 });
  runConformance(backboneConformance(create), { test });
});
