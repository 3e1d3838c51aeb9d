import { describe, test } from 'node:test';
import { useEngine } from '@man/ops';
import { backboneConformance, runConformance } from '@man/testkit';
import { myBackbone } from './my-backbone.ts';

await useEngine('auto');

describe('myBackbone', () => {
  runConformance(
    backboneConformance(() => myBackbone({ width: 2, inputShape: [8, 8, 3], classes: 3 })),
    { test },
  );
});
