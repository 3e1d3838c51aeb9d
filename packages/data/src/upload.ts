import { getBackend, type Tensor, tensor, tidy } from '@tensorflow/tfjs';
import { sharedFloats } from './slots.ts';

/** Whether the engine of a name copies what tensors are made of, as far as that is known. */
const copying = new Map<string, boolean>();

/**
 * A tensor of numbers that are the caller's again when this returns, to be overwritten.
 *
 * TensorFlow and WebAssembly copy numbers into memory of their own when a first operation uses them; plain JavaScript keeps the array that it
 * is given. Which of the two an engine does is tried out once.
 *
 * @param values `shape` of numbers, made by `sharedFloats`
 */
export function upload(values: Float32Array, shape: readonly number[]): Tensor {
  const engine = getBackend();
  let isCopying = copying.get(engine);
  if (isCopying === undefined) {
    isCopying = copies();
    copying.set(engine, isCopying);
  }
  return isCopying ? moved(values, shape) : tensor(new Float32Array(values), [...shape], 'float32');
}

/** Reshaping is a first operation, and the cheapest. */
const moved = (values: Float32Array, shape: readonly number[]): Tensor =>
  tidy(() => tensor(values, [values.length], 'float32').reshape([...shape]));

function copies(): boolean {
  const values = sharedFloats(1024).fill(1);
  const made = moved(values, [32, 32]);
  values.fill(2);
  const isCopy = made.dataSync().every((value) => value === 1);
  made.dispose();
  return isCopy;
}
