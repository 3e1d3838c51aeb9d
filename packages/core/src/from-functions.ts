import type { Rng } from '@man/base';
import * as tf from '@tensorflow/tfjs';
import type { NamedVariables, Shape, Unit } from './contracts.ts';
import { cloneMismatch, unitResult } from './errors.ts';

/** Variables by name, or as a list; those of a list are named by their place, `'0'`, `'1'`, …, buffers `'buffer0'`, …. */
export type VariablesOf = NamedVariables | readonly tf.Variable[];

/** A piece of a network as plain functions. */
export interface UnitFunctions {
  /** Without the batch axis. */
  readonly inputShape: Shape;
  /** Without the batch axis; absent: found by applying the unit to one example of zeros. */
  readonly outputShape?: Shape;
  /** Default `'unit'`; in a network of several units it must be unique. */
  readonly name?: string;
  /** Maps `[n, ...inputShape]` to `[n, ...outputShape]`. Runs in a tidy. */
  apply(x: tf.Tensor, training: boolean): tf.Tensor;
  /** What the loss trains. */
  parameters(): VariablesOf;
  /** What training changes otherwise, e.g. running statistics; default none. */
  buffers?(): VariablesOf;
  /**
   * The same functions over variables of their own, freshly drawn, from `rng` where that is given. For a copy the values are then
   * overwritten with this one's.
   */
  clone(rng?: Rng): UnitFunctions;
  /** Default: disposes of parameters and buffers. */
  dispose?(): void;
}

/**
 * A {@link Unit} of plain functions over tfjs variables, e.g. of layers written by hand.
 *
 * @throws MAN_CORE_UNIT_RESULT where `apply` gives anything but a batch; when cloned MAN_CORE_UNIT_CLONE for a clone that has other
 * variables, or the very same ones
 * @example
 * ```ts
 * function dense(inputs: number, outputs: number): UnitFunctions {
 *   const kernel = tf.variable(tf.randomNormal([inputs, outputs]));
 *   return {
 *     inputShape: [inputs],
 *     apply: (x) => tf.relu(tf.matMul(x, kernel)),
 *     parameters: () => [kernel],
 *     clone: () => dense(inputs, outputs),
 *   };
 * }
 * const unit = fromFunctions(dense(8, 4));
 * ```
 */
export function fromFunctions(functions: UnitFunctions): Unit {
  const { name = 'unit', inputShape } = functions;
  const apply = (x: tf.Tensor, training: boolean) =>
    tf.tidy(() => {
      const y = functions.apply(x, training);
      // The result is the caller's to dispose of, the input is not.
      return y === x ? tf.clone(x) : y;
    });
  const unit: Unit = {
    name,
    inputShape,
    outputShape: functions.outputShape ?? resultShape(name, inputShape, apply),
    apply,
    parameters: () => named(functions.parameters()),
    buffers: () => named(functions.buffers?.() ?? {}, 'buffer'),
    clone(other, init) {
      const { outputShape } = unit;
      const values = variablesOf(unit).map(([, variable]) => variable);
      const twin = fromFunctions({ ...functions.clone(init === 'copy' ? undefined : init), name: other, outputShape });
      checkTwin(unit, twin);
      if (init === 'copy') {
        for (const [i, [, variable]] of variablesOf(twin).entries()) variable.assign(values[i] as tf.Variable);
      }
      return twin;
    },
    dispose: () => (functions.dispose ? functions.dispose() : tf.dispose(variablesOf(unit).map(([, variable]) => variable))),
  };
  return unit;
}

/** Names of a unit's parameters and buffers must differ: states have both. */
function named(variables: VariablesOf, prefix = ''): NamedVariables {
  if (!Array.isArray(variables)) return { ...variables } as NamedVariables;
  return Object.fromEntries(variables.map((variable: tf.Variable, i) => [`${prefix}${i}`, variable]));
}

const variablesOf = (unit: Unit) => [...Object.entries(unit.parameters()), ...Object.entries(unit.buffers())];

function resultShape(name: string, inputShape: Shape, apply: Unit['apply']): Shape {
  return tf.tidy(() => {
    const y: unknown = apply(tf.zeros([1, ...inputShape]), false);
    if (!(y instanceof tf.Tensor)) throw unitResult(name, typeof y);
    if (y.shape[0] !== 1) throw unitResult(name, `[${y.shape.join(',')}]`);
    return y.shape.slice(1);
  });
}

/** A clone that shared a variable would tie two units together, and MAN would freeze the network's own. */
function checkTwin(unit: Unit, twin: Unit): void {
  const list = (of: Unit) =>
    variablesOf(of)
      .map(([name, { shape }]) => `${name} [${shape.join(',')}]`)
      .join(', ');
  if (list(unit) !== list(twin)) throw cloneMismatch(unit.name, list(unit), list(twin));
  const own = new Set(variablesOf(unit).map(([, variable]) => variable));
  const shared = variablesOf(twin).find(([, variable]) => own.has(variable));
  if (shared !== undefined) throw cloneMismatch(unit.name, 'variables of its own', `the very same '${shared[0]}'`);
}
