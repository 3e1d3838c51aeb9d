import * as tf from '@tensorflow/tfjs';
import { lossNotScalar, nestedGradients, noGradient } from './errors.ts';
import type { Thunk } from './kernel.ts';
import { span } from './profiler.ts';

interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  readonly gradient?: (dys: (tf.Tensor | null)[]) => Readonly<Record<string, Thunk>>;
  readonly saved: readonly tf.Tensor[];
}

interface EngineState {
  activeTape: TapeNode[] | null;
  gradientDepth: number;
}

interface TapedEngine {
  readonly state: EngineState;
  startTape(): void;
  endTape(): void;
}

/** What {@link gradients} found: the value of `f` and a gradient (or null) for every variable, all owned by the caller. */
export interface Gradients<T> {
  readonly value: T;
  readonly gradients: (tf.Tensor | null)[];
}

/**
 * The value of `f` and the gradients of its `loss` with respect to `variables`; null where the loss does not depend on one.
 *
 * Unlike `tf.variableGrads`, the reverse pass frees each tensor saved by the forward pass, and each intermediate
 * gradient, as soon as its last reader is done, and computes no gradient that nobody asked for. Works with every
 * operation that has a registered tfjs gradient, ours or stock. Other tensors that `f` returns (features, logits) live on.
 *
 * @throws MAN_OPS_NESTED_GRADIENTS inside another gradient computation
 * @throws MAN_OPS_LOSS_NOT_SCALAR when `f` returns no float32 scalar as `loss`
 * @throws MAN_OPS_NO_GRADIENT when an operation on the way has none
 * @example
 * ```ts
 * const { value, gradients: [dw] } = gradients(() => ({ loss: softmaxCrossEntropy(linear(x, w, b), labels) }), [w]);
 * ```
 */
export function gradients<T extends { readonly loss: tf.Scalar }>(f: () => T, variables: readonly tf.Tensor[]): Gradients<T> {
  const { value, tape } = span('forward', () => record(f));
  try {
    if (!(value.loss instanceof tf.Tensor) || value.loss.rank !== 0 || value.loss.dtype !== 'float32') throw lossNotScalar(value.loss);
    return {
      value,
      gradients: span('reverse', () => tf.tidy(() => reverse(tape, value.loss, variables) as tf.TensorContainer)) as (tf.Tensor | null)[],
    };
  } catch (error) {
    tf.dispose(value as tf.TensorContainer);
    throw error;
  } finally {
    for (const node of tape) tf.dispose(node.saved as tf.Tensor[]);
  }
}

function record<T>(f: () => T): { value: T; tape: TapeNode[] } {
  const engine = tf.engine() as unknown as TapedEngine;
  if (engine.state.gradientDepth > 0) throw nestedGradients();
  engine.startTape();
  const tape = engine.state.activeTape as TapeNode[];
  try {
    return { value: tf.tidy(f as () => tf.TensorContainer) as T, tape };
  } catch (error) {
    for (const node of tape) tf.dispose(node.saved as tf.Tensor[]);
    throw error;
  } finally {
    engine.endTape();
    engine.state.activeTape = null;
  }
}

/** Gradients found so far: the contributions of each tensor's readers, summed up when they are needed. */
type Contributions = Map<number, tf.Tensor[]>;

/** Walks the tape backward. Runs inside a tidy, which owns every gradient until it is returned. */
function reverse(tape: readonly TapeNode[], loss: tf.Tensor, variables: readonly tf.Tensor[]): (tf.Tensor | null)[] {
  const wanted = dependents(tape, variables);
  const found: Contributions = new Map();
  if (wanted.has(loss.id)) found.set(loss.id, [tf.scalar(1)]);
  // A variable computed by f itself is read again at the end.
  const kept = new Map(variables.map((variable): [number, tf.Tensor | null] => [variable.id, null]));
  for (let i = tape.length - 1; i >= 0; i--) {
    const node = tape[i] as TapeNode;
    const incoming = node.outputs.map((output) => take(found, output.id));
    if (incoming.some((gradient) => gradient !== null)) {
      for (const [id, gradient] of differentiate(node, incoming, wanted, found)) found.set(id, [...(found.get(id) ?? []), gradient]);
    }
    node.outputs.forEach((output, j) => {
      if (kept.has(output.id)) kept.set(output.id, incoming[j] ?? null);
      else incoming[j]?.dispose();
    });
    tf.dispose(node.saved as tf.Tensor[]);
  }
  return variables.map((variable) => take(found, variable.id) ?? kept.get(variable.id) ?? null);
}

/** Removes and sums up a tensor's contributions. */
function take(found: Contributions, id: number): tf.Tensor | null {
  const parts = found.get(id);
  if (parts === undefined) return null;
  found.delete(id);
  if (parts.length === 1) return parts[0] as tf.Tensor;
  const sum = tf.addN(parts);
  tf.dispose(parts);
  return sum;
}

/** Identifiers of the variables and of every tensor computed from one. */
function dependents(tape: readonly TapeNode[], variables: readonly tf.Tensor[]): Set<number> {
  const ids = new Set(variables.map((variable) => variable.id));
  for (const node of tape) {
    for (const name in node.inputs) {
      if (!ids.has((node.inputs[name] as tf.Tensor).id)) continue;
      for (const output of node.outputs) ids.add(output.id);
      break;
    }
  }
  return ids;
}

/**
 * The gradients of one operation's inputs, only of those on the way to a variable. Where an operation can add to its gradient what
 * other readers contributed, it does, and those contributions are gone.
 */
function differentiate(
  node: TapeNode,
  incoming: (tf.Tensor | null)[],
  wanted: ReadonlySet<number>,
  found: Contributions,
): [number, tf.Tensor][] {
  const names = Object.keys(node.inputs).filter((name) => wanted.has((node.inputs[name] as tf.Tensor).id));
  if (names.length === 0) return [];
  const { gradient } = node;
  if (gradient === undefined) throw noGradient(node.kernelName);
  return tf.tidy(() => {
    const thunks = gradient(incoming);
    return names.map((name): [number, tf.Tensor] => {
      const thunk = thunks[name];
      if (thunk === undefined) throw noGradient(`${node.kernelName}.${name}`);
      const { id } = node.inputs[name] as tf.Tensor;
      const others = thunk.plus === undefined ? null : take(found, id);
      const dx = tf.tidy(() => (others === null ? thunk() : (thunk.plus as NonNullable<Thunk['plus']>)(others)));
      others?.dispose();
      // A thunk may pass on the incoming gradient itself, whose life ends with this operation.
      return [id, incoming.includes(dx) ? tf.clone(dx) : dx];
    });
  });
}
