import { createRng, type Rng } from '@man/base';
import type { Backbone, Network, Unit } from '@man/core';
import { createVariable, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { beforeAll } from 'vitest';
import { backboneConformance } from './index.ts';
import { expectToCatch } from './testing.ts';
import { convolutionalBackbone } from './tiny.ts';
import { UNIT_CHECKS } from './unit.ts';

beforeAll(() => useEngine('auto'));

const right = (): Backbone => ({
  ...convolutionalBackbone(),
  splits: { other: { 2: ['b'] } },
  torch: { namesOf: (name) => [`torch.${name}`], flattened: { 'classifier.linear.weight': [1, 1, 6] } },
});

/** The suite for a recipe that is otherwise. */
const changed = (change: (backbone: Backbone) => Partial<Backbone>) => () =>
  backboneConformance(() => {
    const backbone = right();
    return { ...backbone, ...change(backbone) };
  });
/** The same for the network that is built. */
const building = (build: (network: Network, rng: Rng) => Partial<Network>) =>
  changed((backbone) => ({
    build(rng) {
      const network = backbone.build(rng);
      return { ...network, ...build(network, rng) };
    },
  }));
/** The same for its second unit. */
const second = (change: (unit: Unit) => Partial<Unit>) =>
  building(({ units: [a, b, ...rest] }) => ({ units: [a, { ...(b as Unit), ...change(b as Unit) }, ...rest] }));

/** A unit with a parameter more, which nothing uses. */
function idle(unit: Unit): Partial<Unit> {
  const unused = createVariable(tf.scalar(1));
  return {
    parameters: () => ({ ...unit.parameters(), unused }),
    dispose() {
      unused.dispose();
      unit.dispose();
    },
  };
}

/** A unit whose output depends on how often it was applied. */
function counting(unit: Unit): Partial<Unit> {
  let calls = 0;
  return { apply: (x, training) => tf.tidy(() => tf.mul(unit.apply(x, training), training ? 1 + 0.1 * calls++ : 1)) };
}

/** Every check of units, with a second unit that disposes of nothing, gives wrong shapes, … */
const broken: Record<string, Partial<Unit> | ((unit: Unit) => Partial<Unit>)> = {
  'gives the shapes it promises': (unit) => ({
    apply: (x, training) => tf.tidy(() => tf.neg(tf.log(tf.neg(tf.abs(unit.apply(x, training)))))),
  }),
  'leaves its input to the caller': { apply: (x) => x },
  'leaves no tensors behind': (unit) => ({ apply: (x, training) => tf.add(unit.apply(x, training), 0) }),
  'evaluates every example by itself': (unit) => ({ apply: (x) => unit.apply(x, true) }),
  'evaluates without changing anything': (unit) => ({ apply: (x) => unit.apply(x, true) }),
  'leaves its parameters to the optimiser': (unit) => ({
    apply(x, training) {
      const [weight] = Object.values(unit.parameters()) as [tf.Variable];
      tf.tidy(() => weight.assign(tf.mul(weight, 1.1)));
      return unit.apply(x, training);
    },
  }),
  'has the gradients of finite differences': (unit) => ({
    apply: (x, training) => tf.tidy(() => tf.tensor(unit.apply(x, training).dataSync(), [x.shape[0] as number, ...unit.outputShape])),
  }),
  'names its variables': (unit) => ({ buffers: () => unit.parameters() }),
  'is decided by its seed': (unit) => ({ apply: (x, training) => tf.tidy(() => tf.mul(unit.apply(x, training), Math.random())) }),
  'copies itself': (unit) => ({ clone: (name) => unit.clone(name, createRng(1)) }),
  'draws itself anew': (unit) => ({ clone: (name) => unit.clone(name, 'copy') }),
  'counts its cost': { macs: () => -1 },
  'frees its variables': { dispose() {} },
};
const ofUnits = Object.fromEntries(
  Object.keys(UNIT_CHECKS).map((name) => {
    const change = broken[name] ?? {};
    return [`each unit ${name}`, { 'the second unit, broken': second((unit) => (typeof change === 'function' ? change(unit) : change)) }];
  }),
);

expectToCatch('backboneConformance', backboneConformance(right), {
  'holds nothing before it is built': {
    'a weight of the recipe': changed(() => {
      createVariable(tf.scalar(1));
      return {};
    }),
  },
  'says what it is': {
    'no name': changed(() => ({ name: '' })),
    'one class': changed(() => ({ classes: 1 })),
    'half a pixel': changed(() => ({ inputShape: [6.5, 6, 2] })),
  },
  'passes shapes along': {
    'another input': changed(() => ({ inputShape: [8, 8, 2] })),
    'other classes': changed(() => ({ classes: 4 })),
    'units in another order': building(({ units: [a, b, c] }) => ({ units: [a, c as Unit, b as Unit] })),
    'logits that are not finite': second((unit) => ({ apply: (x, training) => tf.tidy(() => tf.div(unit.apply(x, training), 0)) })),
  },
  'names its units': {
    'a name twice': second(() => ({ name: 'a' })),
    'a name of the trainer': second(() => ({ name: 'aux.0' })),
    'a space': second(() => ({ name: 'second unit' })),
    'a classifier of another name': building(({ classifier }) => ({ classifier: { ...classifier, name: 'head' } })),
    'variables of the same name': building(({ units: [a, b, c] }) => {
      const { conv, ...others } = { conv: (b as Unit).parameters()['conv.weight'] as tf.Variable };
      return {
        units: [
          { ...a, parameters: () => ({ ...a.parameters(), 'b.weight': conv }) },
          { ...(b as Unit), name: 'a.b', parameters: () => ({ ...others, weight: conv }) },
          c as Unit,
        ],
      };
    }),
  },
  'knows where it was cut': {
    'a cut too few': changed(() => ({ partitions: { 3: ['a'] } })),
    'a cut behind no unit': changed(() => ({ partitions: { 2: ['z'] } })),
    'cuts out of order': changed(() => ({ partitions: { 3: ['b', 'a'] } })),
    'a split behind no unit': changed(() => ({ splits: { other: { 2: ['z'] } } })),
  },
  'names its weights for PyTorch': {
    'one name for all': changed(() => ({ torch: { namesOf: () => ['weight'] } })),
    'a flattened weight that is none': changed(({ torch }) => ({
      torch: { ...(torch as NonNullable<typeof torch>), flattened: { 'fc.weight': [1, 1, 6] } },
    })),
    'a flattened shape of another size': changed(({ torch }) => ({
      torch: { ...(torch as NonNullable<typeof torch>), flattened: { 'classifier.linear.weight': [2, 2, 6] } },
    })),
  },
  'trains every parameter': {
    'a parameter that nothing uses': second(idle),
  },
  'is cut behind every unit': {
    'a unit that is not finite in training': second((unit) => ({
      apply: (x, training) => tf.tidy(() => (training ? tf.div(unit.apply(x, training), 0) : unit.apply(x, training))),
    })),
  },
  'is decided by its seed': {
    'Math.random for weights': changed((backbone) => ({ build: () => backbone.build(createRng(Math.random())) })),
    'the stream itself': building((_, rng) => {
      rng.next();
      return {};
    }),
    'Math.random in training': second((unit) => ({
      apply: (x, training) => tf.tidy(() => tf.mul(unit.apply(x, training), 1 + Math.random())),
    })),
  },
  'frees its variables': {
    'a unit that is never freed': second(() => ({ dispose() {} })),
  },
  'resumes bit for bit': {
    'a counter that no variable keeps': second(counting),
  },
  ...ofUnits,
});
