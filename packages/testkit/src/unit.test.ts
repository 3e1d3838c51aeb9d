import { createRng, type Rng } from '@man/base';
import type { Unit } from '@man/core';
import { batchNorm, linear, relu, sequential } from '@man/nn';
import { createVariable, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { unitConformance } from './index.ts';
import { expectToCatch } from './testing.ts';

beforeAll(() => useEngine('auto'));

const right = (rng: Rng): Unit =>
  sequential({ linear: linear({ features: 4 }), bn: batchNorm(), relu: relu() })({ name: 'unit', inputShape: [3], rng });
const weightOf = (unit: Unit) => unit.parameters()['linear.weight'] as tf.Variable;
const varianceOf = (unit: Unit) => unit.buffers()['bn.running_var'] as tf.Variable;
const grow = (variable: tf.Variable) => tf.tidy(() => variable.assign(tf.mul(variable, 1.1)));

/** The suite for a unit some of whose members are others. */
const changed = (change: (unit: Unit, rng: Rng) => Partial<Unit>) => () =>
  unitConformance((rng) => {
    const unit = right(rng);
    return { ...unit, ...change(unit, rng) };
  });
/** The same for what it gives. */
const applying = (apply: (y: tf.Tensor, unit: Unit, training: boolean, x: tf.Tensor) => tf.Tensor) =>
  changed((unit) => ({ apply: (x, training) => tf.tidy(() => apply(unit.apply(x, training), unit, training, x)) }));
/** The same for its clones. */
const cloning = (clone: (unit: Unit, name: string, init: 'copy' | Rng) => Unit) =>
  changed((unit) => ({ clone: (name, init) => clone(unit, name, init) }));

const stretched = tf.customGrad((x, save) => {
  (save as tf.GradSaveFunc)([]);
  return { value: tf.clone(x as tf.Tensor), gradFunc: (dy) => tf.mul(dy as tf.Tensor, 1.1) };
});

expectToCatch('unitConformance', unitConformance(right), {
  'gives the shapes it promises': {
    'a wrong outputShape': changed(() => ({ outputShape: [5] })),
    'a batch that is always of one size': applying((y) => tf.slice(y, 0, 2)),
    'whole numbers': applying((y) => tf.cast(y, 'int32')),
    'a value that is not finite': applying((y) => tf.div(y, 0)),
    'a wrong shape in evaluation': applying((y, _, training) => (training ? y : tf.expandDims(y, 1))),
  },
  'leaves its input to the caller': {
    'a unit that returns its input': changed(() => ({ apply: (x) => x })),
    'a unit that disposes of its input': changed((unit) => ({
      apply(x, training) {
        const y = unit.apply(x, training);
        x.dispose();
        return y;
      },
    })),
  },
  'leaves no tensors behind': {
    'a tensor that is kept': applying((y) => tf.add(y, tf.keep(tf.scalar(0)))),
    'tensors outside of tf.tidy': changed((unit) => ({ apply: (x, training) => tf.mul(unit.apply(x, training), 2) })),
  },
  'evaluates every example by itself': {
    'statistics of the batch in evaluation': applying((y, _, training) => (training ? y : tf.sub(y, tf.mean(y, 0)))),
  },
  'evaluates without changing anything': {
    'running statistics that move in evaluation': applying((y, unit) => {
      grow(varianceOf(unit));
      return y;
    }),
    'random numbers in evaluation': applying((y) => tf.add(y, Math.random())),
  },
  'leaves its parameters to the optimiser': {
    'a weight that apply changes': applying((y, unit, training) => {
      if (training) grow(weightOf(unit));
      return y;
    }),
  },
  'has the gradients of finite differences': {
    'a constant on the way': applying((y) => tf.tensor(y.dataSync(), y.shape)),
    'a gradient that is a tenth too large': applying((y) => stretched(y)),
    'a part that is not differentiated': applying((y, unit) => tf.add(y, tf.mean(tf.tensor(weightOf(unit).dataSync())))),
  },
  'names its variables': {
    'a name with a space': changed((unit) => ({ parameters: () => ({ 'my weight': weightOf(unit) }) })),
    'one name for two': changed((unit) => ({ buffers: () => ({ 'linear.weight': varianceOf(unit) }) })),
    'two names for one': changed((unit) => ({ buffers: () => ({ other: weightOf(unit) }) })),
    'other variables in each call': changed(() => ({ buffers: () => ({ draws: createVariable(tf.scalar(0)) }) })),
    'a tensor instead of a variable': changed(() => ({ buffers: () => ({ draws: tf.scalar(0) as tf.Variable }) })),
    'a parameter that is not trainable': changed((unit) => ({ parameters: () => ({ ...unit.parameters(), moved: varianceOf(unit) }) })),
  },
  'is decided by its seed': {
    'Math.random for weights': () => unitConformance(() => right(createRng(Math.random()))),
    'the stream itself': changed((_, rng) => {
      rng.next();
      return {};
    }),
    'Math.random in training': applying((y, _, training) => (training ? tf.mul(y, Math.random()) : y)),
  },
  'copies itself': {
    'a clone with another name': cloning((unit, _, init) => unit.clone('other', init)),
    'a clone with weights of its own': cloning((unit, name) => unit.clone(name, createRng(3))),
    'a clone without the running statistics': cloning((unit, name, init) => {
      const twin = unit.clone(name, init);
      if (init === 'copy') grow(varianceOf(twin));
      return twin;
    }),
    'a clone that shares its variables': cloning((unit, name) => ({ ...unit, name })),
    'a clone of another shape': cloning((unit, name, init) => ({ ...unit.clone(name, init), inputShape: [9] })),
  },
  'draws itself anew': {
    'a clone that copies where it should draw': cloning((unit, name) => unit.clone(name, 'copy')),
    'a clone that always draws the same': cloning((unit, name, init) => unit.clone(name, init === 'copy' ? init : createRng(3))),
    'a clone that draws from Math.random': cloning((unit, name, init) =>
      unit.clone(name, init === 'copy' ? init : createRng(Math.random())),
    ),
  },
  'counts its cost': {
    'half a multiplication': changed(() => ({ macs: () => 0.5 })),
    'less than nothing': changed(() => ({ activations: () => -1 })),
  },
  'frees its variables': {
    'a dispose that does nothing': changed(() => ({ dispose() {} })),
    'a tensor made while building': changed(() => {
      tf.keep(tf.scalar(1));
      return {};
    }),
    'a clone that is never freed': cloning((unit, name, init) => ({ ...unit.clone(name, init), dispose() {} })),
  },
});
