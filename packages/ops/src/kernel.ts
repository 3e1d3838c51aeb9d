import * as tf from '@tensorflow/tfjs';

/** The part of the tfjs-node backend that runs any TensorFlow operation by name. */
export interface TensorFlowBackend {
  readonly binding: {
    readonly TF_ATTR_STRING: number;
    readonly TF_ATTR_INT: number;
    readonly TF_ATTR_FLOAT: number;
    readonly TF_ATTR_BOOL: number;
    readonly TF_ATTR_TYPE: number;
    readonly TF_FLOAT: number;
    readonly TF_INT32: number;
  };
  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: readonly Attribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

type Inputs = Readonly<Record<string, tf.Tensor>>;
type Attributes = Readonly<Record<string, unknown>>;
type Result = tf.Tensor | tf.Tensor[];

interface KernelDefinition<I extends Inputs, A extends Attributes> {
  /** Kernel for the TensorFlow engine, out of raw operations. */
  tensorflow(inputs: I, attributes: A, raw: RawTensorFlow): Result;
  /** The same out of public tfjs operations, for every other engine. Runs inside a tidy. */
  composed(inputs: I, attributes: A): Result;
}

/** Direct access to TensorFlow operations. */
export class RawTensorFlow {
  readonly #backend: TensorFlowBackend;

  constructor(backend: TensorFlowBackend) {
    this.#backend = backend;
  }

  one(operation: string, inputs: readonly tf.Tensor[], attributes: Attributes = { T: 'float32' }): tf.Tensor {
    return this.#backend.executeSingleOutput(operation, this.#attributes(attributes), inputs);
  }

  many(operation: string, inputs: readonly tf.Tensor[], outputs: number, attributes: Attributes = { T: 'float32' }): tf.Tensor[] {
    return this.#backend.executeMultipleOutputs(operation, this.#attributes(attributes), inputs, outputs);
  }

  #attributes(attributes: Attributes): Attribute[] {
    const { binding } = this.#backend;
    return Object.entries(attributes).map(([name, value]) => {
      if (value === 'float32') return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
      if (value === 'int32') return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 };
      if (value instanceof Float) return { name, type: binding.TF_ATTR_FLOAT, value: value.value };
      if (typeof value === 'boolean') return { name, type: binding.TF_ATTR_BOOL, value };
      return { name, type: typeof value === 'string' ? binding.TF_ATTR_STRING : binding.TF_ATTR_INT, value };
    });
  }
}

class Float {
  constructor(readonly value: number) {}
}

/** Marks an attribute as floating point even when it is a whole number. */
export function float(value: number): Float {
  return new Float(value);
}

/** Engines that run the composed form of every kernel. */
const COMPOSED_ENGINES = ['cpu', 'wasm', 'webgl', 'webgpu'];

let raw: { readonly backend: unknown; readonly access: RawTensorFlow } | undefined;

function rawAccess(backend: unknown): RawTensorFlow {
  if (raw === undefined || raw.backend !== backend) raw = { backend, access: new RawTensorFlow(backend as TensorFlowBackend) };
  return raw.access;
}

/** Direct access to TensorFlow operations, where TensorFlow is the engine in use. */
export function rawTensorFlow(): RawTensorFlow | undefined {
  return tf.getBackend() === 'tensorflow' ? rawAccess(tf.backend()) : undefined;
}

/** Registers a kernel for every engine and returns the function that runs it. */
export function defineKernel<I extends Inputs, A extends Attributes, R extends Result>(
  kernelName: string,
  definition: KernelDefinition<I, A>,
): (inputs: I, attributes: A) => R {
  const composed = ({ inputs, attrs }: { inputs: object; attrs?: object }) =>
    tf.tidy(() => definition.composed(inputs as I, attrs as A) as tf.Tensor);
  for (const backendName of COMPOSED_ENGINES) tf.registerKernel({ kernelName, backendName, kernelFunc: composed });
  tf.registerKernel({
    kernelName,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs, backend }) => definition.tensorflow(inputs as unknown as I, attrs as unknown as A, rawAccess(backend)),
  });
  return (inputs, attributes) => tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap) as R;
}

interface GradientDefinition<A extends Attributes> {
  readonly inputs?: readonly string[];
  /** Which outputs the gradient needs. */
  readonly outputs?: readonly boolean[];
  /** Thunks by input name: only those whose gradient is asked for are called. */
  gradient(dy: tf.Tensor, saved: tf.Tensor[], attributes: A): Readonly<Record<string, () => tf.Tensor>>;
}

/** Registers a lazy gradient; of several outputs only the first is differentiable. */
export function defineGradient<A extends Attributes>(kernelName: string, definition: GradientDefinition<A>): void {
  tf.registerGradient({
    kernelName,
    inputsToSave: [...(definition.inputs ?? [])],
    ...(definition.outputs === undefined ? {} : { outputsToSave: [...definition.outputs] }),
    gradFunc: (dy, saved, attributes) =>
      definition.gradient((Array.isArray(dy) ? dy[0] : dy) as tf.Tensor, saved, attributes as unknown as A) as ReturnType<tf.GradFunc>,
  });
}

/**
 * Runs `compute` once for several gradient thunks of one operation.
 *
 * A thunk runs in a tidy of its own, so the results are handed to the scope around it: they live until that ends,
 * whoever asks for them, and nobody has to dispose of those nobody asked for.
 */
export function shared(compute: () => tf.Tensor[]): () => tf.Tensor[] {
  let results: tf.Tensor[] | undefined;
  return () => {
    if (results === undefined) {
      results = tf.tidy(() => compute());
      moveToParentScope(results);
    }
    return results;
  };
}

interface Scope {
  readonly id: number;
  track: tf.Tensor[];
}

function moveToParentScope(tensors: readonly tf.Tensor[]): void {
  const stack = (tf.engine() as unknown as { state: { scopeStack: Scope[] } }).state.scopeStack;
  const [parent, scope] = stack.slice(-2);
  if (parent === undefined || scope === undefined) return;
  const moved = new Set(tensors);
  scope.track = scope.track.filter((tensor) => !moved.has(tensor));
  for (const tensor of tensors) {
    tensor.scopeId = parent.id;
    parent.track.push(tensor);
  }
}
