import type { RunResult } from './result.ts';

/** A result for tests. */
export function exampleResult(changes: Partial<RunResult> = {}): RunResult {
  const name = changes.name ?? 'e2e';
  return {
    name,
    label: name,
    blocks: 1,
    plannedEpochs: 3,
    epochs: [],
    final: { testAccuracy: 0.6, testError: 0.4, bestTestError: 0.4, bestEpoch: 3, trainLoss: 1.5, trainAccuracy: 0.5 },
    parameters: 466_906,
    seed: 1,
    engine: 'TensorFlow',
    seconds: 30,
    imagesPerSecond: 250,
    peakTensorBytes: 200e6,
    peakResidentBytes: 900e6,
    interrupted: false,
    testTop1: 0.6,
    trainTop1: 0.5,
    blockLosses: [1.5],
    waiting: 0.01,
    idleResidentBytes: 500e6,
    auxiliaryParameters: 0,
    dataset: 'cifar10',
    trainPictures: 2500,
    testPictures: 1000,
    backbone: 'resnet32',
    batch: 64,
    steps: 120,
    configHash: 'abc',
    folder: '/runs/e2e',
    ...changes,
  };
}
