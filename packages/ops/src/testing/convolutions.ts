import * as tf from '@tensorflow/tfjs';

/** A call of one of TensorFlow's operations, our own included, as it was seen in a step. */
export interface OperationCall {
  readonly name: string;
  readonly attributes: readonly { readonly name: string; readonly value: unknown }[];
  readonly shapes: readonly (readonly number[])[];
  readonly outputs: number;
}

interface Backend {
  executeSingleOutput(name: string, attributes: unknown, inputs: tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: unknown, inputs: tf.Tensor[], outputs: number): tf.Tensor[];
}

const isConvolution = (name: string) => /^(ManConvolve|Conv2D)/.test(name);

/** The convolutions that `f` runs, in all three directions: every different call, with how often it came. */
export function recordConvolutions(f: () => void): { readonly call: OperationCall; readonly count: number }[] {
  const backend = tf.backend() as unknown as Backend;
  const { executeSingleOutput, executeMultipleOutputs } = backend;
  const seen = new Map<string, { call: OperationCall; count: number }>();
  const note = (name: string, attributes: unknown, inputs: readonly tf.Tensor[], outputs: number) => {
    if (!isConvolution(name)) return;
    const call = { name, attributes: attributes as OperationCall['attributes'], shapes: inputs.map(({ shape }) => shape), outputs };
    const key = JSON.stringify(call);
    const entry = seen.get(key) ?? { call, count: 0 };
    entry.count++;
    seen.set(key, entry);
  };
  backend.executeSingleOutput = (name, attributes, inputs) => {
    note(name, attributes, inputs, 1);
    return executeSingleOutput.call(backend, name, attributes, inputs);
  };
  backend.executeMultipleOutputs = (name, attributes, inputs, outputs) => {
    note(name, attributes, inputs, outputs);
    return executeMultipleOutputs.call(backend, name, attributes, inputs, outputs);
  };
  try {
    f();
  } finally {
    Object.assign(backend, { executeSingleOutput, executeMultipleOutputs });
  }
  return [...seen.values()];
}

/** A call with tensors of its own, ready to run by itself. */
export function prepareCall({ name, attributes, shapes, outputs }: OperationCall): { run(): void; dispose(): void } {
  const backend = tf.backend() as unknown as Backend;
  // Shape vectors of TensorFlow's own gradients are the only inputs that are not numbers to calculate with.
  if (shapes.some((shape) => shape.length === 1 && shape[0] === 4 && name.startsWith('Conv2DBackprop')))
    throw new Error(`${name}: cannot be run by itself`);
  const inputs = shapes.map((shape, i) =>
    shape.includes(0) ? tf.tensor([], [...shape]) : tf.randomNormal([...shape], 0, 1, 'float32', i + 1),
  );
  return {
    run: () => tf.dispose(backend.executeMultipleOutputs(name, attributes, inputs, outputs)),
    dispose: () => tf.dispose(inputs),
  };
}

/** Median milliseconds of one call by itself: the same tensors again and again, nothing else running. */
export function isolatedMs(call: OperationCall, repeats = 9): number {
  const prepared = prepareCall(call);
  const times = Array.from({ length: repeats + 2 }, () => {
    const start = performance.now();
    prepared.run();
    return performance.now() - start;
  }).slice(2);
  prepared.dispose();
  return times.sort((a, b) => a - b)[Math.floor(repeats / 2)] as number;
}
