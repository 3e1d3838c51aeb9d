import { describe, test } from 'node:test';
import { datasetConformance, runConformance } from '@man/testkit';
import { myDataset } from './my-dataset.ts';

describe('myDataset', () => {
  runConformance(
    datasetConformance(() => myDataset({ train: 40, test: 30 })),
    { test },
  );
});
