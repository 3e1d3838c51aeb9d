import { datasetConformance, runConformance } from '@man/testkit';
import { describe, test } from 'vitest';
import { shapes } from './index.ts';

describe('shapes', () => {
  runConformance(
    datasetConformance(() => shapes({ train: 30, test: 20 })),
    { test },
  );
});
