import type { Rng } from '@man/base';
import { type AuxiliaryNetwork, type NamedVariables, prefixed, type Shape, type Unit } from '@man/core';
import { add, addBias, createVariable, emaUpdate, FlatVariables } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { attachedTwice, optionConflict } from './errors.ts';
import { type ManOptions, type ResolvedManOptions, resolveOptions } from './options.ts';

/** Where MAN is attached to a block. */
export interface Attachment {
  /** The first unit of the next block, whose input is this block's output. */
  readonly first: Unit;
  /** Unique within one MAN. */
  readonly name: string;
  /** Needed for `init: 'independent'` only. */
  readonly rng?: Rng;
  /** Builds the auxiliary network proper for features of the given shape. */
  aux(featureShape: Shape): AuxiliaryNetwork;
}

/** Momentum Auxiliary Networks for a training loop of one's own. */
export interface Man {
  /**
   * An auxiliary network whose features pass through the two copies of `first` before they reach `aux`.
   *
   * Its parameters (those of the bias branch and of `aux`) are trained by the caller; its EMA copy is not
   * (`trainable: false`, so tfjs optimisers leave it alone). Whoever holds it disposes of it.
   *
   * @throws MAN_PLUGIN_NAME, MAN_PLUGIN_CONFLICT for `init: 'independent'` without `rng`
   */
  attach(site: Attachment): AuxiliaryNetwork;
  /**
   * Moves every EMA copy towards its unit: γ ← m·γ + (1 - m)·θ. Call it once per step, behind the optimiser
   * (or before it with `when: 'before-step'`); of `updateEvery` calls one moves. With a name, only that attachment.
   */
  update(name?: string): void;
  /** How often each attachment was asked to update: with `updateEvery`, the only thing a resumed run needs beside variables. */
  calls(): Readonly<Record<string, number>>;
  /** Takes over what {@link Man.calls} gave; names that are not attached are left out. */
  setCalls(calls: Readonly<Record<string, number>>): void;
}

/** What an attachment keeps for its updates. */
interface Tracked {
  readonly targets: FlatVariables;
  readonly sources: readonly tf.Variable[];
  calls: number;
}

/**
 * MAN for any training loop: each block's auxiliary network sees the next block's first unit through an EMA copy plus a
 * trained copy, the learnable bias: `z = bias(h) + ema(h)`.
 *
 * EMA here is the plain weighted average without bias correction, over the unit's parameters; running statistics of batch
 * norms are not averaged (in training they are not read).
 *
 * @throws MAN_PLUGIN_OPTION, MAN_PLUGIN_CONFLICT
 * @see Su et al., "Momentum Auxiliary Network for Supervised Local Learning", ECCV 2024, §3.2, Eq. 6 and 7
 * @example
 * ```ts
 * const m = createMan({ momentum: 0.995 });
 * const aux = m.attach({ first: nextBlock.units[0], name: 'block1', rng, aux: (shape) => myAux(shape) });
 * // your step: aux.loss(features, batch), gradients, optimiser; then
 * m.update();
 * ```
 */
export function createMan(options: ManOptions = {}): Man {
  const resolved = resolveOptions(options);
  const attached = new Map<string, Tracked | null>();
  return {
    attach(site) {
      if (attached.has(site.name)) throw attachedTwice(site.name);
      if (!resolved.ema && resolved.bias === 'none') return site.aux(site.first.inputShape);
      return new MomentumAuxiliary(site, resolved, attached);
    },
    update(name) {
      for (const [key, tracked] of attached) {
        if (tracked !== null && (name === undefined || name === key)) move(tracked, resolved);
      }
    },
    calls: () => Object.fromEntries([...attached].flatMap(([name, tracked]) => (tracked === null ? [] : [[name, tracked.calls]]))),
    setCalls(calls) {
      for (const [name, tracked] of attached) if (tracked !== null) tracked.calls = calls[name] ?? tracked.calls;
    },
  };
}

function move(tracked: Tracked, { momentum, updateEvery }: ResolvedManOptions): void {
  tracked.calls++;
  if (tracked.calls % updateEvery === 0) emaUpdate(tracked.targets, tracked.sources, momentum);
}

class MomentumAuxiliary implements AuxiliaryNetwork {
  readonly #ema: Unit | null;
  readonly #bias: Unit | null;
  readonly #channelBias: tf.Variable | null;
  readonly #gate: tf.Variable | null;
  readonly #inner: AuxiliaryNetwork;
  readonly #release: () => void;

  constructor({ first, name, rng, aux }: Attachment, options: ResolvedManOptions, attached: Map<string, Tracked | null>) {
    // First, since it is not ours and may throw: nothing else exists then.
    this.#inner = aux(first.outputShape);
    const copy = (part: string) => first.clone(`${name}.${part}`, options.init === 'copy' ? 'copy' : drawing(rng).split(part));
    this.#ema = options.ema ? copy('ema') : null;
    this.#bias = options.bias === 'branch' ? copy('bias') : null;
    const channels = first.outputShape[first.outputShape.length - 1] as number;
    this.#channelBias = options.bias === 'channel' ? createVariable(tf.zeros([channels])) : null;
    this.#gate = options.mix === 'gated' ? createVariable(tf.scalar(1)) : null;
    const tracked = this.#ema === null ? null : track(this.#ema, first);
    attached.set(name, tracked);
    this.#release = () => {
      tracked?.targets.dispose();
      attached.delete(name);
    };
  }

  loss(...[features, batch]: Parameters<AuxiliaryNetwork['loss']>): ReturnType<AuxiliaryNetwork['loss']> {
    return tf.tidy(() => this.#inner.loss(this.#mix(features), batch) as unknown as tf.TensorContainer) as unknown as ReturnType<
      AuxiliaryNetwork['loss']
    >;
  }

  parameters(): NamedVariables {
    return {
      ...(this.#bias === null ? {} : prefixed({ bias: this.#bias.parameters() })),
      ...(this.#channelBias === null ? {} : { bias: this.#channelBias }),
      ...(this.#gate === null ? {} : { gate: this.#gate }),
      ...this.#inner.parameters(),
    };
  }

  buffers(): NamedVariables {
    return {
      ...(this.#ema === null ? {} : prefixed({ ema: { ...this.#ema.parameters(), ...this.#ema.buffers() } })),
      ...(this.#bias === null ? {} : prefixed({ bias: this.#bias.buffers() })),
      ...this.#inner.buffers(),
    };
  }

  macs(): number {
    return (this.#ema?.macs?.() ?? 0) + (this.#bias?.macs?.() ?? 0) + (this.#inner.macs?.() ?? 0);
  }

  dispose(): void {
    this.#release();
    this.#ema?.dispose();
    this.#bias?.dispose();
    tf.dispose([this.#channelBias ?? [], this.#gate ?? []]);
    this.#inner.dispose();
  }

  /** z of the paper's Fig. 3: what the auxiliary network proper is given instead of the features. */
  #mix(features: tf.Tensor): tf.Tensor {
    const slow = this.#ema?.apply(features, true) ?? null;
    const trained = this.#bias?.apply(features, true) ?? null;
    if (slow === null) return trained as tf.Tensor;
    if (trained !== null && this.#gate !== null) return add(tf.mul(trained, this.#gate), tf.mul(slow, tf.sub(2, this.#gate)));
    if (trained !== null) {
      const sum = add(trained, slow);
      // Nothing on the way back needs them, and they are as large as the features.
      tf.dispose([trained, slow]);
      return sum;
    }
    return this.#channelBias === null ? slow : addBias(slow, this.#channelBias);
  }
}

function drawing(rng: Rng | undefined): Rng {
  if (rng === undefined) throw optionConflict("init: 'independent' without rng", 'pass rng: createRng(seed) to attach');
  return rng;
}

/** Freezes the EMA copy to gradients and remembers whom it follows. */
function track(ema: Unit, first: Unit): Tracked {
  const targets = Object.values(ema.parameters());
  for (const variable of targets) variable.trainable = false;
  return { targets: new FlatVariables(targets), sources: Object.values(first.parameters()), calls: 0 };
}
