import { describe, test } from 'node:test';
import { useEngine } from '@man/ops';
import { lossConformance, runConformance } from '@man/testkit';
import { myLoss } from './my-loss.ts';

await useEngine('auto');

describe('myLoss', () => {
  runConformance(
    lossConformance(() => myLoss()),
    { test },
  );
});
