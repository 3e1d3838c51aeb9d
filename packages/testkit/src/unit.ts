import { createRng, type Rng } from '@man/base';
import type { Unit } from '@man/core';
import { createVariable, gradients } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { type Check, type ChecksOf, checksOf } from './check.ts';
import {
  demand,
  demandEqual,
  demandFinite,
  demandSameValues,
  demandShape,
  demandTensors,
  type Values,
  valuesByName,
  valuesOf,
} from './compare.ts';
import { compareGradients } from './finite-differences.ts';
import { checkCounts, checkDisposal, checkNames, checkSeed, using, variablesOf } from './holders.ts';

/** Options of {@link unitConformance}. */
export interface UnitConformanceOptions {
  /** Examples in a batch; default 4. */
  readonly batch?: number;
  /** How far a slope may be off finite differences, relative to the gradient's length; default 0.03. */
  readonly tolerance?: number;
}

/** A unit under test. */
export interface UnitSubject {
  create(rng: Rng): Unit;
  readonly batch: number;
  readonly tolerance: number;
}

/**
 * What a {@link Unit} has to keep to, so that networks, local losses, MAN and checkpoints can be built with it.
 *
 * Runs on the engine that is in use; choose one with `useEngine` before. Take a small unit: every parameter is compared with finite differences.
 *
 * @param create makes the unit from a stream of random numbers; called several times
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * describe('scale', () => runConformance(unitConformance((rng) => scale()({ name: 'unit', inputShape: [6, 6, 4], rng })), { test }));
 * ```
 */
export function unitConformance(create: (rng: Rng) => Unit, { batch = 4, tolerance = 0.03 }: UnitConformanceOptions = {}): Check[] {
  return checksOf(UNIT_CHECKS, { create, batch, tolerance });
}

const within = ({ create }: UnitSubject, f: (unit: Unit, where: string) => void) =>
  using(create(createRng('unit')), (unit) => f(unit, `unit '${unit.name}'`));

/** Standard normal numbers of `[n, ...inputShape]`. */
function inputOf(unit: Unit, examples: number): tf.Tensor {
  const shape = [examples, ...unit.inputShape];
  const values = createRng('input').normal(new Float32Array(shape.reduce((a, b) => a * b, 1)));
  return tf.tensor(values, shape);
}

/** Applies a unit; what it gives is read and disposed of. */
function outputOf(unit: Unit, x: tf.Tensor, training: boolean): Values {
  const y = unit.apply(x, training);
  const values = valuesOf(y);
  if (y !== x) y.dispose();
  return values;
}

/** The checks by name. */
export const UNIT_CHECKS: ChecksOf<UnitSubject> = {
  'gives the shapes it promises': (subject) =>
    within(subject, (unit, where) => {
      for (const training of [true, false]) {
        for (const examples of [subject.batch, 2]) {
          const x = inputOf(unit, examples);
          const y = unit.apply(x, training);
          const at = `${where}, apply(x, ${training})`;
          demandShape(y, [examples, ...unit.outputShape], at, 'outputShape is what apply gives, without the batch axis');
          demandFinite(y, at, 'guard divisions, logarithms and roots');
          tf.dispose([x, y]);
        }
      }
    }),

  'leaves its input to the caller': (subject) =>
    within(subject, (unit, where) => {
      for (const training of [true, false]) {
        const x = inputOf(unit, subject.batch);
        const before = valuesOf(x);
        const y = unit.apply(x, training);
        const at = `${where}, apply(x, ${training})`;
        const hint = 'return tf.clone(x) where nothing is to be done: the caller disposes of both';
        demand(y !== x, at, 'a tensor of its own', 'x itself', hint);
        y.dispose();
        demand(!x.isDisposed, at, 'that x lives on', 'it disposed of', 'the input is the caller’s');
        demandEqual(valuesOf(x), before, `${at}, x`, 'the input is the caller’s');
        x.dispose();
      }
    }),

  'leaves no tensors behind': (subject) =>
    within(subject, (unit, where) => {
      const x = inputOf(unit, subject.batch);
      const hint = 'run apply in tf.tidy, and keep values in variables that it disposes of';
      for (const training of [true, false])
        demandTensors(
          () => 1,
          `${where}, apply(x, ${training})`,
          hint,
          () => unit.apply(x, training),
          (y) => y.dispose(),
        );
      const variables = Object.values(unit.parameters());
      const differentiate = () => gradients(() => ({ loss: tf.sum(unit.apply(x, true)) as tf.Scalar }), variables);
      const count = ({ gradients: slopes }: ReturnType<typeof differentiate>) => 1 + new Set(slopes.filter((slope) => slope !== null)).size;
      demandTensors(count, `${where}, gradients`, hint, differentiate, ({ value, gradients: slopes }) => {
        tf.dispose([value.loss, slopes as tf.Tensor[]]);
      });
      x.dispose();
    }),

  'evaluates every example by itself': (subject) =>
    within(subject, (unit, where) => {
      const x = inputOf(unit, subject.batch);
      const together = outputOf(unit, x, false);
      const size = together.length / subject.batch;
      const scale = together.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      for (let i = 0; i < subject.batch; i++) {
        const one = tf.slice(x, [i], [1]);
        const off = outputOf(unit, one, false).findIndex((value, k) => !(Math.abs(value - together[i * size + k]!) <= 1e-5 * scale));
        one.dispose();
        const hint = 'in evaluation use running statistics, not those of the batch';
        demand(off === -1, `${where}, example ${i}, value ${off}`, 'the same value alone as in a batch', 'another one', hint);
      }
      x.dispose();
    }),

  'evaluates without changing anything': (subject) =>
    within(subject, (unit, where) => {
      const x = inputOf(unit, subject.batch);
      outputOf(unit, x, true);
      const before = valuesByName(variablesOf(unit));
      const first = outputOf(unit, x, false);
      const hint = 'with training = false nothing is drawn and no variable assigned';
      demandEqual(outputOf(unit, x, false), first, `${where}, evaluated twice`, hint);
      demandSameValues(valuesByName(variablesOf(unit)), before, `${where}, after evaluation`, hint);
      x.dispose();
    }),

  'leaves its parameters to the optimiser': (subject) =>
    within(subject, (unit, where) => {
      const x = inputOf(unit, subject.batch);
      const before = valuesByName(unit.parameters());
      outputOf(unit, x, true);
      const hint = 'what apply itself changes belongs into buffers()';
      demandSameValues(valuesByName(unit.parameters()), before, `${where}, after apply(x, true)`, hint);
      x.dispose();
    }),

  'has the gradients of finite differences': (subject) =>
    within(subject, (unit, where) => {
      const x = createVariable(inputOf(unit, subject.batch));
      const shape = [subject.batch, ...unit.outputShape];
      const size = shape.reduce((a, b) => a * b, 1);
      const weights = tf.tensor(createRng('weights').normal(new Float32Array(size), 0, 1 / Math.sqrt(size)), shape);
      compareGradients({
        where,
        variables: { 'the input': x, ...unit.parameters() },
        buffers: unit.buffers(),
        tolerance: subject.tolerance,
        f: () => tf.tidy(() => tf.sum(tf.mul(unit.apply(x, true), weights)) as tf.Scalar),
      });
      tf.dispose([x, weights]);
    }),

  'names its variables': (subject) => within(subject, (unit, where) => checkNames(unit, where)),

  'is decided by its seed': async (subject) => {
    checkSeed(subject.create, 'the unit');
    const outputs: Values[] = [];
    for (const _ of ['first', 'second']) {
      await within(subject, (unit) => {
        const x = inputOf(unit, subject.batch);
        outputs.push(outputOf(unit, x, true), outputOf(unit, x, true));
        x.dispose();
      });
    }
    const [a, b, c, d] = outputs as [Values, Values, Values, Values];
    const hint = 'draw from the rng it is given, and count draws in a buffer, as dropout of @man/nn does';
    demandEqual(c, a, 'the unit in training, built again from an equal seed', hint);
    demandEqual(d, b, 'the unit in training, built again from an equal seed, second batch', hint);
  },

  'copies itself': (subject) =>
    within(subject, (unit, where) => {
      const x = inputOf(unit, subject.batch);
      outputOf(unit, x, true);
      const copy = unit.clone('twin', 'copy');
      const at = `${where}, clone('twin', 'copy')`;
      demand(copy.name === 'twin', at, "the name 'twin'", `'${copy.name}'`, 'clone(name, init) passes the name on');
      demandTwin(copy, unit, at);
      demandSameValues(valuesByName(variablesOf(copy)), valuesByName(variablesOf(unit)), at, 'copy the values, buffers included');
      demandEqual(outputOf(copy, x, false), outputOf(unit, x, false), `${at}, evaluated`, 'copy everything that evaluation uses');
      demandIndependent(copy, unit, at);
      x.dispose();
    }),

  'draws itself anew': (subject) =>
    within(subject, (unit, where) => {
      const at = `${where}, clone('twin', rng)`;
      const fresh = (seed: number) => unit.clone('twin', createRng(seed));
      const [first, same, other] = [fresh(8), fresh(8), fresh(9)];
      for (const twin of [first, same, other]) demandTwin(twin, unit, at);
      const [mine, values] = [valuesByName(unit.parameters()), valuesByName(first.parameters())];
      demandSameValues(valuesByName(same.parameters()), values, `${at} from equal streams`, 'draw from the rng that clone is given');
      const isDrawn = differs(valuesByName(other.parameters()), values);
      const isDrawnHere = differs(mine, valuesOfOther(subject));
      const hint = 'an independent clone draws where the unit drew, from the rng that clone is given';
      demand(isDrawn === isDrawnHere, at, isDrawnHere ? 'other values from another stream' : 'the same values', 'the contrary', hint);
      demand(!isDrawnHere || differs(mine, values), at, 'values of its own', 'those of the unit', hint);
      for (const twin of [first, same, other]) demandIndependent(twin, unit, at);
    }),

  'counts its cost': (subject) => within(subject, (unit, where) => checkCounts(unit, where)),

  'frees its variables': async (subject) => {
    await checkDisposal(subject.create, 'the unit');
    await checkDisposal((rng) => {
      const unit = subject.create(rng);
      unit.clone('twin', 'copy').dispose();
      return unit;
    }, 'the unit and a clone');
  },
};

/** Parameters of the unit from another seed than that of `within`. */
function valuesOfOther({ create }: UnitSubject): Record<string, Values> {
  const other = create(createRng('another unit'));
  const values = valuesByName(other.parameters());
  other.dispose();
  return values;
}

const differs = (a: Readonly<Record<string, Values>>, b: Readonly<Record<string, Values>>) =>
  Object.entries(a).some(([name, values]) => values.some((value, i) => value !== b[name]?.[i]));

/** Of the same shapes and names. */
function demandTwin(twin: Unit, unit: Unit, where: string): void {
  const describe = (one: Unit) =>
    JSON.stringify([one.inputShape, one.outputShape, Object.entries(variablesOf(one)).map(([name, { shape }]) => [name, shape])]);
  demand(describe(twin) === describe(unit), where, describe(unit), describe(twin), 'a clone is of the same architecture');
}

/** Disposes of the twin; neither that nor its values reach the unit. */
function demandIndependent(twin: Unit, unit: Unit, where: string): void {
  const before = valuesByName(variablesOf(unit));
  for (const variable of Object.values(variablesOf(twin))) tf.tidy(() => variable.assign(tf.add(variable, 1)));
  const hint = 'a clone has variables of its own';
  demandSameValues(valuesByName(variablesOf(unit)), before, `${where}: the unit, after its clone was changed`, hint);
  twin.dispose();
  const gone = Object.entries(variablesOf(unit)).find(([, variable]) => variable.isDisposed)?.[0];
  demand(gone === undefined, `${where}: the unit, after its clone was disposed of`, 'that it lives on', `no ${gone}`, hint);
}
