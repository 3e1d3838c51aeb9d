import { createRng, type Rng } from '@man/base';
import { createVariable, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fromFunctions, type UnitFunctions } from './index.ts';

/** A dense layer with a count of its calls in training, so that it has a buffer too. */
function counted(inputs: number, outputs: number, rng: Rng = createRng(1)): UnitFunctions {
  const kernel = createVariable(tf.tensor2d(rng.normal(new Float32Array(inputs * outputs), 0, 1), [inputs, outputs]));
  const calls = createVariable(tf.scalar(0), false);
  return {
    inputShape: [inputs],
    apply(x: tf.Tensor2D, training) {
      if (training) calls.assign(tf.add(calls, 1));
      return tf.tanh(tf.matMul(x, kernel));
    },
    parameters: () => ({ kernel }),
    buffers: () => [calls],
    clone: (other) => counted(inputs, outputs, other),
  };
}

let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('fromFunctions', () => {
  it('makes a unit whose output shape is found by trial, out of training', () => {
    const unit = fromFunctions({ ...counted(5, 3), name: 'dense' });
    expect(unit).toMatchObject({ name: 'dense', inputShape: [5], outputShape: [3] });
    expect(unit.buffers().buffer0?.dataSync()[0]).toBe(0);
    expect(Object.keys(unit.parameters())).toEqual(['kernel']);
    const x = tf.ones([2, 5]);
    tf.dispose([unit.apply(x, true), x]);
    expect(unit.buffers().buffer0?.dataSync()[0]).toBe(1);
    unit.dispose();
  });

  it('clones with equal values, buffers included, or with drawn ones, always with variables of its own', () => {
    const unit = fromFunctions(counted(5, 3));
    tf.tidy(() => void unit.apply(tf.ones([2, 5]), true));
    const [copy, drawn, again] = [unit.clone('copy', 'copy'), unit.clone('drawn', createRng(2)), unit.clone('again', createRng(2))];
    const values = (of: typeof unit) => [...of.parameters().kernel!.dataSync(), ...of.buffers().buffer0!.dataSync()];
    expect(copy.name).toBe('copy');
    expect(values(copy)).toEqual(values(unit));
    expect(values(drawn)).toEqual(values(again));
    expect(values(drawn)[0]).not.toBe(values(unit)[0]);
    tf.tidy(() => copy.parameters().kernel!.assign(tf.zeros([5, 3])));
    expect(values(unit)[0]).not.toBe(0);
    for (const each of [unit, copy, drawn, again]) each.dispose();
  });

  it('gives the caller a result of its own, also where apply returns its input', () => {
    const unit = fromFunctions({ inputShape: [2], apply: (x) => x, parameters: () => [], clone: () => never() });
    const x = tf.tensor2d([[1, 2]]);
    unit.apply(x, false).dispose();
    expect([...x.dataSync()]).toEqual([1, 2]);
    x.dispose();
  });

  it('refuses a result that is no batch, and a clone that is none', () => {
    const parts = counted(5, 3);
    const code = (name: string) => expect.objectContaining({ code: name });
    expect(() => fromFunctions({ ...parts, apply: (x) => tf.sum(x) })).toThrow(code('MAN_CORE_UNIT_RESULT'));
    expect(() => fromFunctions({ ...parts, clone: () => parts }).clone('same', 'copy')).toThrow(code('MAN_CORE_UNIT_CLONE'));
    const other = counted(4, 3);
    expect(() => fromFunctions({ ...parts, clone: () => other }).clone('other', 'copy')).toThrow('kernel [5,3]');
    for (const each of [parts, other]) fromFunctions(each).dispose();
  });
});

function never(): never {
  throw new Error('not to be cloned');
}
