import { useEngine } from '@man/ops';
import { pluginConformance, runConformance } from '@man/testkit';
import { beforeAll, describe, test } from 'vitest';
import { type ManOptions, man } from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each<[string, ManOptions]>([
  ['as it is', {}],
  ['with a gate', { mix: 'gated' }],
  [
    'with a channel bias, independent at first, moving in front of every second step',
    { bias: 'channel', init: 'independent', when: 'before-step', updateEvery: 2 },
  ],
])('man %s', (_, options) => {
  runConformance(
    pluginConformance(() => man({ momentum: 0.9, ...options })),
    { test },
  );
});
