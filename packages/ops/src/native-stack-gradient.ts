import type * as tf from '@tensorflow/tfjs';
import { shared, type Thunk } from './kernel.ts';
import { nothing } from './native-kernels.ts';
import { type Computed, geometry, type Plan, residual, type Stage, stagesOf } from './native-stack.ts';

/**
 * Gradients of a stack as thunks by input. All that will be asked for come from one walk back, so that each tensor is read once:
 * those of the variables that are trained, and that of x where its thunk is the first one called, as x is the first input.
 */
export function stackGradients(plan: Plan, inputs: tf.NamedTensorMap, dy: tf.Tensor, saved: tf.Tensor[]): Record<string, Thunk> {
  const names = Object.keys(inputs);
  const trained = names.filter((name) => name !== 'x' && (inputs[name] as tf.Variable).trainable !== false);
  const found = new Map<string, tf.Tensor>();
  const find = (name: string, addend?: tf.Tensor): tf.Tensor => {
    const wanted = found.size > 0 ? [name] : [...new Set([name, ...trained])];
    const results = shared(() => {
      const gradients = new WalkBack(plan, dy, saved, new Set(wanted), addend).run();
      return wanted.map((each) => gradients[each] as tf.Tensor);
    })();
    wanted.forEach((each, i) => {
      found.set(each, results[i] as tf.Tensor);
    });
    return found.get(name) as tf.Tensor;
  };
  const thunk = (name: string): Thunk => {
    const plain: Thunk = () => found.get(name) ?? find(name);
    return name === 'x' ? Object.assign(plain, { plus: (addend: tf.Tensor) => find(name, addend) }) : plain;
  };
  return Object.fromEntries(names.map((name) => [name, thunk(name)]));
}

/** A gradient on its way back: of a stage's normalised result, with what its norm's gradients and the next step need. */
interface Upstream {
  readonly dz: tf.Tensor;
  readonly sum: tf.Tensor;
  readonly product: tf.Tensor;
}

/** From the gradient of the result to those of the inputs, stage by stage. Runs in a tidy. */
class WalkBack {
  readonly #plan: Plan;
  readonly #dy: tf.Tensor;
  readonly #x: tf.Tensor;
  readonly #filters: readonly tf.Tensor[];
  readonly #computed: readonly Computed[];
  readonly #wanted: ReadonlySet<string>;
  /** What other readers of x contributed to its gradient. */
  readonly #others: tf.Tensor | undefined;
  readonly #found: Record<string, tf.Tensor> = {};

  constructor(plan: Plan, dy: tf.Tensor, saved: readonly tf.Tensor[], wanted: ReadonlySet<string>, others: tf.Tensor | undefined) {
    const all = stagesOf(plan);
    this.#plan = plan;
    this.#dy = dy;
    this.#x = saved[0] as tf.Tensor;
    this.#filters = saved.slice(1, 1 + all.length);
    const kept = saved.slice(1 + all.length);
    this.#computed = all.map((_, i) => ({ y: kept[2 * i] ?? nothing(), coefficients: kept[2 * i + 1] ?? nothing() }));
    this.#wanted = wanted;
    this.#others = others;
  }

  run(): Record<string, tf.Tensor> {
    const { stages, shortcut } = this.#plan;
    const top = this.#unfinish();
    // In the order in which a reverse pass that knows nothing of this one would add: so both are equal bit for bit.
    let addends = shortcut === 'identity' ? [top.dz] : [];
    if (typeof shortcut === 'object') {
      const beside = this.#convolveBack(shortcut, stages.length, { ...top, product: top.beside }, this.#wanted.has('x'), []);
      addends = beside === undefined ? [] : [beside.dz];
    }
    if (this.#others !== undefined) addends.push(this.#others);
    let upstream: Upstream | undefined = top;
    for (let i = stages.length - 1; i >= 0 && upstream !== undefined; i--) {
      const next = this.#convolveBack(stages[i] as Stage, i, upstream, this.#leadsOn(i), i === 0 ? addends : []);
      if (upstream.dz !== this.#dy && !addends.includes(upstream.dz)) upstream.dz.dispose();
      upstream = next;
    }
    if (upstream !== undefined) this.#found.x = upstream.dz;
    return this.#found;
  }

  /** Whether anything before stage `i` is wanted. */
  #leadsOn(i: number): boolean {
    const before = this.#plan.stages.slice(0, i);
    return (
      this.#wanted.has('x') ||
      before.some(({ name }) => ['filter', 'bias', 'weight', 'shift'].some((kind) => this.#wanted.has(`${name}.${kind}`)))
    );
  }

  /** Back through what stands behind the last convolution. `beside` belongs to the norm of the shortcut. */
  #unfinish(): Upstream & { readonly beside: tf.Tensor } {
    const { raw, stages, shortcut, pool } = this.#plan;
    const { norm, relu } = stages[stages.length - 1] as Stage;
    const none = nothing();
    if (norm === undefined) return { dz: this.#dy, sum: none, product: none, beside: none };
    const last = this.#computed[stages.length - 1] as Computed;
    const operands = [this.#dy, last.y, last.coefficients, ...residual(shortcut, this.#x, this.#computed[stages.length])];
    const [dz, sum, product, beside] = raw.many('ManNormaliseGradient', operands, 4, { relu, pool }) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    return { dz: relu || pool ? dz : this.#dy, sum, product, beside };
  }

  /** Gradients of one convolution; its input's is returned, with the sums that a norm before it needs. */
  #convolveBack(stage: Stage, i: number, upstream: Upstream, wantsInput: boolean, addends: readonly tf.Tensor[]): Upstream | undefined {
    const { name, norm } = stage;
    if (norm !== undefined) Object.assign(this.#found, { [`${name}.weight`]: upstream.product, [`${name}.shift`]: upstream.sum });
    const wants = {
      wants_input: wantsInput,
      wants_filter: this.#wanted.has(`${name}.filter`),
      wants_bias: this.#wanted.has(`${name}.bias`),
    };
    if (!Object.values(wants).includes(true)) return undefined;
    const none = nothing();
    const before = name === 'shortcut' ? undefined : this.#computed[i - 1];
    const { y, coefficients } = this.#computed[i] as Computed;
    const operands = [
      ...[before?.y ?? this.#x, before?.coefficients ?? none, this.#filters[i] as tf.Tensor, upstream.dz],
      ...(norm === undefined ? [none, none, none, none] : [y, coefficients, upstream.sum, upstream.product]),
      ...[addends[0] ?? none, addends[1] ?? none],
    ];
    const input_relu = before !== undefined && (this.#plan.stages[i - 1] as Stage).relu;
    const results = this.#plan.raw.many('ManConvolveGradient', operands, 5, { ...geometry(stage), input_relu, ...wants });
    const [dz, sum, product, filter, bias] = results as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    Object.assign(this.#found, { [`${name}.filter`]: filter, [`${name}.bias`]: bias });
    return wantsInput ? { dz, sum, product } : undefined;
  }
}
