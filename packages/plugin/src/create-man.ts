import type { Rng } from '@man/base';
import { type AuxiliaryNetwork, type LocalLossValue, type NamedVariables, prefixed, type Shape, type Unit } from '@man/core';
import { add, addBias, createVariable, emaUpdate, FlatVariables } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { attachedTwice, optionConflict } from './errors.ts';
import { type ManOptions, type ResolvedManOptions, resolveOptions } from './options.ts';

/** Where MAN looks ahead. */
export interface ViewSite {
  /** The first unit of the next block, whose input is this block's output. */
  readonly first: Unit;
  /** Unique within one MAN. */
  readonly name: string;
  /** Needed for `init: 'independent'` only. */
  readonly rng?: Rng;
}

/** Where MAN is attached to a block. */
export interface Attachment extends ViewSite {
  /** Builds the auxiliary network proper for features of the given shape. */
  aux(featureShape: Shape): AuxiliaryNetwork;
}

/** What a local head of your own is given instead of its block's output. */
export interface View {
  /** Of the features seen, without the batch axis: that of the next block's first unit. */
  readonly outputShape: Shape;
  /** bias(h) + ema(h): maps a block's output `[n, ...first.inputShape]` to `[n, ...outputShape]`; the caller owns the result. */
  apply(features: tf.Tensor): tf.Tensor;
  /** The learnable bias: train it along with the block and its head. */
  parameters(): NamedVariables;
  /** The EMA copy, and running statistics. */
  buffers(): NamedVariables;
  macs(): number;
  dispose(): void;
}

/** Momentum Auxiliary Networks for a training loop of one's own. */
export interface Man {
  /**
   * A view of the next block for a head of your own: `head(view.apply(features))`.
   *
   * Its parameters are trained by the caller; its EMA copy is not (`trainable: false`, so tfjs optimisers leave it alone, also
   * where they are given it). Whoever holds it disposes of it.
   *
   * @throws MAN_PLUGIN_NAME, MAN_PLUGIN_CONFLICT for `init: 'independent'` without `rng`
   */
  view(site: ViewSite): View;
  /** The same around a whole auxiliary network, whose features pass through such a view before they reach `aux`. */
  attach(site: Attachment): AuxiliaryNetwork;
  /**
   * Moves every EMA copy towards its unit: γ ← m·γ + (1 - m)·θ. Call it once per step, behind the optimiser
   * (or before it with `when: 'before-step'`); of `updateEvery` calls one moves. With a name, only that view.
   */
  update(name?: string): void;
  /** How often each view was asked to update: with `updateEvery`, the only thing a resumed run needs beside variables. */
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
 * const view = m.view({ first: nextBlock.units[0], name: 'block1' });
 * // your step: the loss of head(view.apply(block(x))), gradients, optimiser; then
 * m.update();
 * ```
 */
export function createMan(options: ManOptions = {}): Man {
  const resolved = resolveOptions(options);
  const attached = new Map<string, Tracked | null>();
  const view = (site: ViewSite): View => {
    if (attached.has(site.name)) throw attachedTwice(site.name);
    return new MomentumView(site, resolved, attached);
  };
  return {
    view,
    attach: (site) => behind(view(site), site.aux),
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

class MomentumView implements View {
  readonly outputShape: Shape;
  readonly #ema: Unit | null;
  readonly #bias: Unit | null;
  readonly #channelBias: tf.Variable | null;
  readonly #gate: tf.Variable | null;
  readonly #release: () => void;

  constructor({ first, name, rng }: ViewSite, options: ResolvedManOptions, attached: Map<string, Tracked | null>) {
    const copy = (part: string) => first.clone(`${name}.${part}`, options.init === 'copy' ? 'copy' : drawing(rng).split(part));
    this.#ema = options.ema ? copy('ema') : null;
    this.#bias = options.bias === 'branch' ? copy('bias') : null;
    const channels = first.outputShape[first.outputShape.length - 1] as number;
    this.#channelBias = options.bias === 'channel' ? createVariable(tf.zeros([channels])) : null;
    this.#gate = options.mix === 'gated' ? createVariable(tf.scalar(1)) : null;
    this.outputShape = options.ema || options.bias !== 'none' ? first.outputShape : first.inputShape;
    const tracked = this.#ema === null ? null : track(this.#ema, first);
    attached.set(name, tracked);
    this.#release = () => {
      tracked?.targets.dispose();
      attached.delete(name);
    };
  }

  /** z of the paper's Fig. 3. */
  apply(features: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const slow = this.#ema?.apply(features, true) ?? null;
      const trained = this.#bias?.apply(features, true) ?? null;
      if (slow === null) return trained ?? tf.clone(features);
      if (trained !== null && this.#gate !== null) return add(tf.mul(trained, this.#gate), tf.mul(slow, tf.sub(2, this.#gate)));
      if (trained !== null) return add(trained, slow);
      return this.#channelBias === null ? slow : addBias(slow, this.#channelBias);
    });
  }

  parameters(): NamedVariables {
    return {
      ...(this.#bias === null ? {} : prefixed({ bias: this.#bias.parameters() })),
      ...(this.#channelBias === null ? {} : { bias: this.#channelBias }),
      ...(this.#gate === null ? {} : { gate: this.#gate }),
    };
  }

  buffers(): NamedVariables {
    return {
      ...(this.#ema === null ? {} : prefixed({ ema: { ...this.#ema.parameters(), ...this.#ema.buffers() } })),
      ...(this.#bias === null ? {} : prefixed({ bias: this.#bias.buffers() })),
    };
  }

  macs(): number {
    return (this.#ema?.macs?.() ?? 0) + (this.#bias?.macs?.() ?? 0);
  }

  dispose(): void {
    this.#release();
    this.#ema?.dispose();
    this.#bias?.dispose();
    tf.dispose([this.#channelBias ?? [], this.#gate ?? []]);
  }
}

/** The auxiliary network that `build` makes, behind a view, which is its own from here on. */
function behind(view: View, build: Attachment['aux']): AuxiliaryNetwork {
  const inner = built(view, build);
  return {
    // In a tidy: nothing on the way back needs what the view gave, and it is as large as the features.
    loss: (features, batch) =>
      tf.tidy(() => inner.loss(view.apply(features), batch) as unknown as tf.TensorContainer) as unknown as LocalLossValue,
    parameters: () => ({ ...view.parameters(), ...inner.parameters() }),
    buffers: () => ({ ...view.buffers(), ...inner.buffers() }),
    macs: () => view.macs() + (inner.macs?.() ?? 0),
    dispose() {
      view.dispose();
      inner.dispose();
    },
  };
}

function built(view: View, build: Attachment['aux']): AuxiliaryNetwork {
  try {
    return build(view.outputShape);
  } catch (error) {
    view.dispose();
    throw error;
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
