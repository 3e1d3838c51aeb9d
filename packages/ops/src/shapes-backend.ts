import * as tf from '@tensorflow/tfjs';
import { type KernelForm, kernelForm, SHAPES, setKernelForm } from './kernel.ts';
import { forgetNothing } from './native-kernels.ts';
import { type ProcessBytes, ProcessMemory } from './process-memory.ts';
import { registerShapeKernels } from './shapes-kernels.ts';
import { rawShapes } from './shapes-raw.ts';

interface Held {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  references: number;
  /** Of small whole-number tensors, which are mostly shapes that other operations take. */
  readonly values: readonly number[] | null;
}

interface Attribute {
  readonly name: string;
  readonly value: unknown;
}

/** Values of a tensor that a shape rule may read: shapes of at most this many axes. */
const MOST_VALUES = 16;

/**
 * A backend that knows shapes only: operations give tensors of the right shape and type that hold nothing and take no memory.
 *
 * It has the face of the TensorFlow backend, so that kernels that call TensorFlow by name run on it as they are.
 */
class ShapesBackend extends tf.KernelBackend {
  readonly binding = {
    TF_ATTR_STRING: 0,
    TF_ATTR_INT: 1,
    TF_ATTR_FLOAT: 2,
    TF_ATTR_BOOL: 3,
    TF_ATTR_TYPE: 4,
    TF_FLOAT: 5,
    TF_INT32: 6,
  };
  readonly #held = new Map<object, Held>();
  /** Begun anew by each {@link withShapes}. */
  process = new ProcessMemory(1);

  make(shape: readonly number[], dtype: tf.DataType, values: readonly number[] | null = null, isOwn = false): tf.TensorInfo {
    const dataId = {};
    this.process.add(dataId, tf.util.sizeFromShape([...shape]) * tf.util.bytesPerElement(dtype), isOwn);
    this.#held.set(dataId, { shape, dtype, references: 1, values });
    return { dataId, shape: [...shape], dtype };
  }

  /** The numbers of a small tensor that was made from them. */
  valuesOf({ dataId }: tf.TensorInfo): readonly number[] | null {
    return this.#held.get(dataId)?.values ?? null;
  }

  executeSingleOutput(name: string, attributes: readonly Attribute[], inputs: readonly tf.Tensor[]): tf.Tensor {
    return this.executeMultipleOutputs(name, attributes, inputs)[0] as tf.Tensor;
  }

  executeMultipleOutputs(name: string, attributes: readonly Attribute[], inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const options = Object.fromEntries(attributes.map(({ name: key, value }) => [key, value]));
    const shapes = rawShapes(name, inputs, options, (tensor) => this.valuesOf(tensor));
    this.process.work(name, inputs, options);
    return shapes.map((shape) => tf.engine().makeTensorFromTensorInfo(this.make(shape, 'float32', null, name.startsWith('Man'))));
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const isSmall = dtype === 'int32' && values !== null && values.length <= MOST_VALUES;
    return this.make(shape, dtype, isSmall ? Array.from(values as Int32Array) : null).dataId;
  }

  override move(dataId: object, _values: tf.BackendValues, shape: number[], dtype: tf.DataType, references: number): void {
    this.#held.set(dataId, { shape, dtype, references, values: null });
  }

  override refCount(dataId: object): number {
    return this.#held.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: object): void {
    const held = this.#held.get(dataId);
    if (held !== undefined) held.references++;
  }

  override disposeData(dataId: object, force = false): boolean {
    const held = this.#held.get(dataId);
    if (held === undefined) return true;
    held.references--;
    if (!force && held.references > 0) return false;
    this.#held.delete(dataId);
    this.process.remove(dataId);
    return true;
  }

  override readSync(dataId: object): tf.BackendValues {
    // Nobody may rely on what it says; a program that reads a loss shall not stop at it.
    const { shape, dtype, values } = this.#held.get(dataId) ?? { shape: [], dtype: 'float32' as const, values: null };
    const size = shape.reduce((a, b) => a * b, 1);
    if (values !== null) return Int32Array.from(values);
    return dtype === 'int32' ? new Int32Array(size) : dtype === 'bool' ? new Uint8Array(size) : new Float32Array(size);
  }

  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId);
  }

  override numDataIds(): number {
    return this.#held.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override dispose(): void {}
}

export interface ShapesOptions {
  /** Whose kernels' tensors are followed: this project's own (default), or those of TensorFlow. */
  readonly kernels?: Exclude<KernelForm, 'reference'>;
  /** Threads that compute, each with scratch memory of its own; default 1. */
  readonly threads?: number;
}

/**
 * Runs `f` on an engine that computes nothing and allocates nothing: every operation gives tensors of the right shape without values. What
 * `tf.memory()` and {@link measurePeakBytes} count is what they would count on the TensorFlow engine.
 *
 * What it is given tells what the process would take so far: more than the tensors' bytes, since memory has gaps and kernels need some to work in.
 *
 * `f` must be synchronous and dispose of what it makes; tensors of other engines must not be used in it. The engine in use comes back behind it.
 *
 * @throws MAN_OPS_NO_SHAPE for an operation whose result's shape is not known
 * @example
 * ```ts
 * const bytes = withShapes(() => {
 *   const trainer = createTrainer({ backbone: resnet32() });
 *   ...
 * });
 * ```
 */
export function withShapes<T>(f: (taken: () => ProcessBytes) => T, { kernels = 'native', threads = 1 }: ShapesOptions = {}): T {
  if (tf.findBackend(SHAPES) === null) {
    registerShapeKernels();
    tf.registerBackend(SHAPES, () => new ShapesBackend(), 0);
  }
  const before = { backend: tf.getBackend() as string | undefined, form: kernelForm() };
  // Synchronous, as the factory is.
  void tf.setBackend(SHAPES);
  setKernelForm(kernels);
  const memory = new ProcessMemory(threads);
  (tf.backend() as ShapesBackend).process = memory;
  try {
    return f(() => memory.bytes);
  } finally {
    forgetNothing();
    setKernelForm(before.form);
    if (before.backend !== undefined && before.backend !== SHAPES) void tf.setBackend(before.backend);
  }
}

/** Whether {@link withShapes} is running: values need not be computed then. */
export function isShapesOnly(): boolean {
  return tf.getBackend() === SHAPES;
}

/**
 * A tensor whose values nobody needs, or, on any other engine, those that `values` returns.
 *
 * @param values as many as the shape has room for; not called within {@link withShapes}
 */
export function tensorOf(shape: readonly number[], values: () => Float32Array): tf.Tensor {
  if (!isShapesOnly()) return tf.tensor(values(), [...shape]);
  return unfilled(shape, 'float32');
}

/** A tensor without values, within {@link withShapes}. */
export function unfilled(shape: readonly number[], dtype: 'float32' | 'int32'): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo((tf.backend() as ShapesBackend).make(shape, dtype));
}
