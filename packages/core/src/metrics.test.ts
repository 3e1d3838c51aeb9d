import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { countAmongFirst, countCorrect } from './metrics.ts';

it('counts the labels among the largest logits, by sorting on paper; a row of NaN counts nowhere', () => {
  const rows = [[9, 8, 7, 6, 5, 4, 3], [1, 2, 3, 4, 5, 6, 7], [4, 4, 4, 4, 4, 4, 4], Array.from({ length: 7 }, () => Number.NaN)];
  const logits = tf.tensor2d(rows);
  const count = (labels: number[]) => {
    const given = tf.tensor1d(labels, 'int32');
    const counts = [countCorrect(logits, given), ...[1, 5, 7].map((k) => countAmongFirst(k, logits, given))];
    const read = counts.map((each) => each.dataSync()[0]);
    tf.dispose([given, ...counts]);
    return read;
  };
  const before = tf.memory().numTensors;
  // Places of the labels: 1 and 7.
  expect(count([0, 0, 0, 3]).slice(1)).toEqual([2, 2, 3]);
  // Places 5 and 5.
  expect(count([4, 2, 6, 3]).slice(1)).toEqual([1, 3, 3]);
  // Places 6 and 6.
  expect(count([5, 1, 6, 3]).slice(1)).toEqual([1, 1, 3]);
  expect(tf.memory().numTensors).toBe(before);
  logits.dispose();
});
