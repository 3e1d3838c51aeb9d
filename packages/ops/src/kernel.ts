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
  readonly isUsingGpuDevice?: boolean;
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
  /** By an operation of this project's own; null where it does not cover the case. */
  native?(inputs: I, attributes: A, raw: RawTensorFlow): Result | null;
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

  get isOnGpu(): boolean {
    return this.#backend.isUsingGpuDevice === true;
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

/** A number that is a floating point attribute even when it is whole. */
export class Float {
  constructor(readonly value: number) {}
}

export function float(value: number): Float {
  return new Float(value);
}

/** Engines that run the composed form of every kernel. */
const COMPOSED_ENGINES = ['cpu', 'wasm', 'webgl', 'webgpu'];

/**
 * Whose kernels compute on the TensorFlow engine: this project's compiled ones, TensorFlow's own through raw operations, or the
 * plain composition of stock tfjs operations that all others are compared with.
 */
export type KernelForm = 'native' | 'tensorflow' | 'reference';

let form: KernelForm = 'tensorflow';

/** The engine that knows shapes only; see `withShapes`. */
export const SHAPES = 'shapes';

/** Engines that are called by the names of TensorFlow's operations. */
const RAW_ENGINES = ['tensorflow', SHAPES];

/** @internal */
export function kernelForm(): KernelForm {
  return form;
}

/** @internal */
export function setKernelForm(chosen: KernelForm): void {
  form = chosen;
}

let raw: { readonly backend: unknown; readonly access: RawTensorFlow } | undefined;

function rawAccess(backend: unknown): RawTensorFlow {
  if (raw === undefined || raw.backend !== backend) raw = { backend, access: new RawTensorFlow(backend as TensorFlowBackend) };
  return raw.access;
}

/** Direct access to TensorFlow operations, where TensorFlow is the engine in use and its kernels are not switched off. */
export function rawTensorFlow(): RawTensorFlow | undefined {
  return RAW_ENGINES.includes(tf.getBackend()) && form !== 'reference' ? rawAccess(tf.backend()) : undefined;
}

/** Direct access where this project's own operations are there too. */
export function nativeTensorFlow(): RawTensorFlow | undefined {
  return form === 'native' ? rawTensorFlow() : undefined;
}

/** Registers a kernel for every engine and returns the function that runs it. */
export function defineKernel<I extends Inputs, A extends Attributes, R extends Result>(
  kernelName: string,
  definition: KernelDefinition<I, A>,
): (inputs: I, attributes: A) => R {
  const composed = ({ inputs, attrs }: { inputs: object; attrs?: object }) =>
    tf.tidy(() => definition.composed(inputs as I, attrs as A) as tf.Tensor);
  for (const backendName of COMPOSED_ENGINES) tf.registerKernel({ kernelName, backendName, kernelFunc: composed });
  const kernelFunc: tf.KernelFunc = (call) => {
    if (form === 'reference') return composed(call);
    const [inputs, attributes, access] = [call.inputs as unknown as I, call.attrs as unknown as A, rawAccess(call.backend)];
    const result = form === 'native' ? (definition.native?.(inputs, attributes, access) ?? null) : null;
    return result ?? definition.tensorflow(inputs, attributes, access);
  };
  for (const backendName of RAW_ENGINES) tf.registerKernel({ kernelName, backendName, kernelFunc });
  return (inputs, attributes) => tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap) as R;
}

/** Registers a kernel that consists of public tfjs operations on every engine. */
export function defineComposed<I extends Inputs, A extends Attributes, R extends Result>(
  kernelName: string,
  composed: (inputs: I, attributes: A) => R,
): (inputs: I, attributes: A) => R {
  return defineKernel(kernelName, {
    tensorflow: (inputs, attributes) => tf.tidy(() => composed(inputs, attributes) as tf.Tensor),
    composed,
  });
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

/** Computes the gradient of one input, when it is called; perhaps also the sum of that and another tensor, in one go. */
export interface Thunk {
  (): tf.Tensor;
  plus?(addend: tf.Tensor): tf.Tensor;
}

interface Differentiable {
  readonly inputs: Inputs;
  /** Results, the first of which is differentiable; `save` keeps what the way back needs, while somebody records. */
  forward(save: (tensors: tf.Tensor[]) => void): tf.Tensor[];
  /** Thunks by input name: only those whose gradient is asked for are called. */
  backward(dy: tf.Tensor, saved: tf.Tensor[]): Readonly<Record<string, Thunk>>;
}

interface KernelFuncEngine {
  runKernelFunc(call: {
    inputs: Inputs;
    forwardFunc(backend: unknown, save: (tensors: tf.Tensor[]) => void): tf.Tensor[];
    backwardsFunc(dys: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]): object;
  }): tf.Tensor[];
  isTapeOn(): boolean;
}

/** Runs an operation that chooses itself what to save. Unlike `tf.customGrad`, whose gradients are all computed, it is lazy. */
export function runDifferentiable({ inputs, forward, backward }: Differentiable): tf.Tensor[] {
  return (tf.engine() as unknown as KernelFuncEngine).runKernelFunc({
    inputs,
    forwardFunc: (_, save) => forward(save),
    backwardsFunc: (dys, saved) => backward((Array.isArray(dys) ? dys[0] : dys) as tf.Tensor, saved),
  });
}

/** Whether operations are being recorded for a reverse pass. */
export function isRecording(): boolean {
  return (tf.engine() as unknown as KernelFuncEngine).isTapeOn();
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
