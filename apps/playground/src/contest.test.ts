import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Contest } from './contest.ts';
import { type Judgement, METHODS, type Progress } from './messages.ts';
import { createPictures } from './pictures.ts';

beforeAll(() => useEngine('auto'));

describe('a contest', () => {
  it('trains all methods from the same weights on the same pictures, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const contest = new Contest(createPictures(1, 16));
    expect(contest.contestants.map(({ method, blocks }) => [method, blocks])).toEqual([['end-to-end', 1], ['local', 7], ['man', 7]]); // biome-ignore format: one line
    expect(new Set(contest.contestants.map(({ parameters }) => parameters)).size).toBe(1);
    const steps: Progress[] = [];
    for (let i = 0; i < 12; i++) steps.push(...contest.train());
    const of = (method: string) => steps.filter((step) => step.method === method);
    for (const method of METHODS) {
      const [first, last] = [of(method)[0] as Progress, of(method)[11] as Progress];
      expect([first.step, last.step]).toEqual([1, 12]);
      const sum = ({ losses }: Progress) => losses.reduce((a, b) => a + b, 0);
      expect(sum(last), method).toBeLessThan(sum(first));
    }
    // The first weights are the same, and so is the last block's first loss wherever its input is.
    expect(of('local')[0]?.losses[6]).toBeCloseTo(of('man')[0]?.losses[6] as number, 5);
    const most = (method: string) => Math.max(...of(method).map(({ bytes }) => bytes));
    expect(most('local')).toBeLessThan(most('man'));
    expect(most('man')).toBeLessThan(most('end-to-end'));
    contest.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('judges each method, with a map of every layer', async () => {
    const contest = new Contest(createPictures(2, 16));
    for (const _ of contest.train());
    const judgements: Judgement[] = [];
    for await (const judgement of contest.judge()) judgements.push(judgement);
    expect(judgements.map(({ method, step }) => [method, step])).toEqual(METHODS.map((method) => [method, 1]));
    for (const { accuracy, maps } of judgements) {
      expect(accuracy).toBeGreaterThanOrEqual(0);
      expect(maps.map(({ height, width, pixels }) => [height, width, pixels.length])).toEqual([
        [32, 32, 1024],
        [32, 32, 1024],
        [32, 32, 1024],
        [16, 16, 256],
        [16, 16, 256],
        [8, 8, 64],
        [8, 8, 64],
      ]);
      for (const { pixels } of maps) expect(Math.max(...pixels)).toBe(255);
    }
    contest.dispose();
  });
});

describe('pictures', () => {
  it('are the same batch for the same step, and others for the next', () => {
    const pictures = createPictures(3, 16);
    const read = (step: number) => tf.tidy(() => [...pictures.batch(step).labels.dataSync()]);
    expect(read(4)).toEqual(read(4));
    expect(read(4)).not.toEqual(read(5));
    expect(read(60)).not.toEqual(read(0));
  });
});
