import { describe, expect, it } from 'vitest';
import { history } from './history.ts';
import { summarise } from './run-summary.ts';
import { blocksOf, epochReport, exampleRun } from './test-reports.ts';

const run = exampleRun(0, { seed: 'seed' });
const evaluated = (accuracy: number) => ({ examples: 100, accuracy, top5Accuracy: 1, loss: 1 - accuracy, seconds: 1 });

describe('history', () => {
  it('sums up a run, and survives JSON', async () => {
    const log = history({ name: 'a', label: 'A', parameters: 460_000, engine: 'cpu' });
    await log.setup?.(run);
    await log.onEpochEnd?.(epochReport({ epoch: 1, evaluation: evaluated(0.5), seconds: 10, imagesPerSecond: 100, peakTensorBytes: 5 }));
    await log.onEpochEnd?.(epochReport({ epoch: 2, evaluation: evaluated(0.75), seconds: 30, imagesPerSecond: 200, peakTensorBytes: 9 }));
    await log.onEpochEnd?.(epochReport({ epoch: 3, evaluation: evaluated(0.625), seconds: 0, imagesPerSecond: 0, peakTensorBytes: 7 }));
    const summary = log.summary();
    expect(summary).toMatchObject({
      name: 'a',
      label: 'A',
      blocks: 4,
      parameters: 460_000,
      seed: 'seed',
      engine: 'cpu',
      seconds: 40,
      imagesPerSecond: 175,
      peakTensorBytes: 9,
      interrupted: false,
      final: { testAccuracy: 0.625, testError: 0.375, bestTestError: 0.25, bestEpoch: 2, trainLoss: 1.2, trainAccuracy: 0.4567 },
    });
    expect(summary.epochs[1]).toEqual({
      epoch: 2,
      trainLoss: 1.2,
      trainAccuracy: 0.4567,
      testLoss: 0.25,
      testAccuracy: 0.75,
      testTop5Accuracy: 1,
      blockLosses: [2, 1.8, 1.4, 1.2],
      seconds: 30,
      imagesPerSecond: 200,
      peakTensorBytes: 9,
      learningRate: 0.1,
    });
    expect(summary.peakResidentBytes).toBeGreaterThan(10_000_000);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
    expect(log.summary({ interrupted: true, peakResidentBytes: 1 })).toMatchObject({ interrupted: true, peakResidentBytes: 1 });
  });

  it('has no own enumerable member that the trainer does not know', () => {
    expect(Object.keys(history({ name: 'a' }))).toEqual(['name']);
  });

  it('sums up nothing', () => {
    const summary = history({ name: 'a' }).summary();
    expect(summary).toMatchObject({ label: 'a', epochs: [], interrupted: true, peakTensorBytes: null, imagesPerSecond: null, seconds: 0 });
    expect(Object.values(summary.final).every((value) => value === null)).toBe(true);
  });
});

describe('summarise', () => {
  it('says null for what diverged or was not evaluated', () => {
    const blocks = blocksOf([Number.NaN, Number.POSITIVE_INFINITY], Number.NaN);
    const summary = summarise([epochReport({ epoch: 1, evaluation: evaluated(0.5) }), epochReport({ blocks, evaluation: null })], {
      name: 'a',
    });
    expect(summary.epochs[1]).toMatchObject({ blockLosses: [null, null], trainLoss: null, trainAccuracy: null, testAccuracy: null });
    expect(summary.final).toMatchObject({ testAccuracy: 0.5, trainLoss: null });
    expect(summary.interrupted).toBe(true);
  });

  it('takes the later report of an epoch that was run again, in order of epochs', () => {
    const reports = [1, 2, 3, 2].map((epoch, i) => epochReport({ epoch, seconds: i }));
    expect(summarise(reports, { name: 'a' }).epochs.map(({ epoch, seconds }) => [epoch, seconds])).toEqual([
      [1, 0],
      [2, 3],
      [3, 2],
    ]);
  });
});
