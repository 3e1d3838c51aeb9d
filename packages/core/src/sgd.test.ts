import { createVariable } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { sgd } from './index.ts';

const OPTIONS = { momentum: 0.9, nesterov: true, weightDecay: 0.01 };
type Values = readonly (number | null)[];

/** PyTorch's rule for one number. */
function byHand(weight: number, gradients: Values, rate: number): { weight: number; velocity: number | null } {
  let velocity: number | null = null;
  for (const gradient of gradients) {
    if (gradient === null) continue;
    const decayed = gradient + OPTIONS.weightDecay * weight;
    velocity = velocity === null ? decayed : OPTIONS.momentum * velocity + decayed;
    weight -= rate * (decayed + OPTIONS.momentum * velocity);
  }
  return { weight, velocity };
}

describe('sgd', () => {
  it('skips variables without gradient entirely, and keeps their momentum for later', () => {
    const before = tf.memory().numTensors;
    const gradients: Record<string, Values> = {
      always: [1, 2, -1, 0.5],
      late: [null, 1, 1, 2],
      pausing: [3, null, null, -1],
      never: [null, null, null, null],
    };
    const names = Object.keys(gradients);
    const variables = Object.fromEntries(names.map((name, i) => [name, createVariable(tf.tensor1d([i + 1, -i]))]));
    const optimizer = sgd(OPTIONS).create(variables);
    for (let step = 0; step < 4; step++) {
      const tensors = names.map((name) => {
        const value = gradients[name]![step]!;
        return value === null ? null : tf.tensor1d([value, 2 * value]);
      });
      optimizer.apply(tensors, 0.1);
      tf.dispose(tensors as tf.TensorContainer);
    }
    const state = optimizer.state();
    names.forEach((name, i) => {
      const [first, second] = [byHand(i + 1, gradients[name]!, 0.1), byHand(-i, gradients[name]!.map((g) => (g === null ? null : 2 * g)), 0.1)]; // biome-ignore format: one line
      const [a, b] = variables[name]!.dataSync();
      expect(a, name).toBeCloseTo(first.weight, 5);
      expect(b, name).toBeCloseTo(second.weight, 5);
      if (first.velocity === null) expect(state[name]).toBeUndefined();
      else expect(state[name]!.dataSync()[0], name).toBeCloseTo(first.velocity, 5);
    });
    tf.dispose([state, variables]);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sees values that somebody else assigned meanwhile', () => {
    const variable = createVariable(tf.tensor1d([1]));
    const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 }).create({ variable });
    const gradient = tf.tensor1d([1]);
    optimizer.apply([gradient], 0.5);
    tf.tidy(() => variable.assign(tf.tensor1d([10])));
    optimizer.apply([gradient], 0.5);
    expect([...variable.dataSync()]).toEqual([9.5]);
    tf.dispose([variable, gradient]);
    optimizer.dispose();
  });

  it.each([{ momentum: 1 }, { momentum: -0.1 }, { weightDecay: -1 }, { momentum: 0, nesterov: true }])('refuses %j', (options) => {
    expect(() => sgd(options)).toThrow(expect.objectContaining({ code: 'MAN_CORE_OPTION' }));
  });
});
