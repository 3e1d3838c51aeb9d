import * as tf from '@tensorflow/tfjs';
import { checkFailed } from './errors.ts';

/** Numbers of a tensor, read back. */
export type Values = Float32Array;

/** A copy of what a tensor holds. */
export function valuesOf(tensor: tf.Tensor): Values {
  return tensor.dataSync<'float32'>().slice();
}

/** Values of variables by name. */
export function valuesByName(variables: Readonly<Record<string, tf.Tensor>>): Record<string, Values> {
  return Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, valuesOf(variable)]));
}

/** Throws where a condition does not hold. @throws MAN_TESTKIT_FAILED */
export function demand(holds: boolean, where: string, expected: string, got: string, hint: string): void {
  if (!holds) throw checkFailed(where, expected, got, hint);
}

/** Throws unless values are equal bit for bit. @throws MAN_TESTKIT_FAILED */
export function demandEqual(found: ArrayLike<number>, expected: ArrayLike<number>, where: string, hint: string): void {
  demand(found.length === expected.length, where, `${expected.length} values`, `${found.length}`, hint);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(found[i], expected[i])) throw checkFailed(`${where}, value ${i}`, `${expected[i]}`, `${found[i]}`, hint);
  }
}

/** Throws unless the same names have the same values, bit for bit. @throws MAN_TESTKIT_FAILED */
export function demandSameValues(
  found: Readonly<Record<string, Values>>,
  expected: Readonly<Record<string, Values>>,
  where: string,
  hint: string,
): void {
  demand(names(found) === names(expected), where, `the names ${names(expected)}`, names(found), hint);
  for (const [name, values] of Object.entries(expected)) demandEqual(found[name] ?? new Float32Array(), values, `${where}, ${name}`, hint);
}

/** Throws unless all values are finite. @throws MAN_TESTKIT_FAILED */
export function demandFinite(tensor: tf.Tensor, where: string, hint: string): void {
  const at = tensor.dataSync().findIndex((value) => !Number.isFinite(value));
  if (at !== -1) throw checkFailed(`${where}, value ${at}`, 'a finite number', `${tensor.dataSync()[at]}`, hint);
}

/** Throws unless a tensor has a shape and a type. @throws MAN_TESTKIT_FAILED */
export function demandShape(
  tensor: tf.Tensor,
  shape: readonly number[],
  where: string,
  hint: string,
  dtype: tf.DataType = 'float32',
): void {
  const text = (type: string, sizes: readonly number[]) => `${type} [${sizes.join(',')}]`;
  const isTensor = tensor instanceof tf.Tensor;
  const got = isTensor ? text(tensor.dtype, tensor.shape) : String(tensor);
  demand(isTensor && got === text(dtype, shape), where, text(dtype, shape), got, hint);
}

/**
 * Throws unless `f` makes exactly so many tensors that live on. Runs it twice, since an engine may keep something from a first time on.
 *
 * @throws MAN_TESTKIT_FAILED
 */
export function demandTensors<R>(more: (result: R) => number, where: string, hint: string, f: () => R, dispose: (result: R) => void): void {
  for (const time of ['first', 'second'] as const) {
    const before = tf.memory().numTensors;
    const result = f();
    const made = tf.memory().numTensors - before;
    const expected = more(result);
    dispose(result);
    const left = tf.memory().numTensors - before;
    if (time === 'first') continue;
    demand(made === expected, where, `${expected} tensors more than before`, `${made}`, hint);
    demand(left === 0, where, 'no tensor more than before when the result is disposed of', `${left}`, hint);
  }
}

/** Throws unless as many tensors live behind `f` as before it. @throws MAN_TESTKIT_FAILED */
export async function demandNoTensors(where: string, hint: string, f: () => void | Promise<void>): Promise<void> {
  const before = tf.memory().numTensors;
  await f();
  const left = tf.memory().numTensors - before;
  demand(left === 0, where, 'no more tensors than before', `${left} more`, hint);
}

function names(record: Readonly<Record<string, unknown>>): string {
  return Object.keys(record).join(', ') || 'none';
}
