import type { Rng } from '@man/base';
import type { Tensor, Variable } from '@tensorflow/tfjs';

/** A tensor's shape without the batch axis, e.g. `[height, width, channels]`. */
export type Shape = readonly number[];

/** Variables by dotted name, in registration order; the names are those of checkpoints. */
export type NamedVariables = Readonly<Record<string, Variable>>;

/**
 * The smallest piece of a network that a cut may fall behind.
 *
 * Structural: anything with these members is a unit, so existing layers can be adapted without inheriting.
 */
export interface Unit {
  /** Dotted name, unique in its network: `stem`, `stage2.unit0`. */
  readonly name: string;
  /** Stage (run of units of one resolution) it belongs to: 1, 2, …; 0 for a stem. */
  readonly stage?: number;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Maps `[n, ...inputShape]` to `[n, ...outputShape]`, float32; the caller owns the result. */
  apply(x: Tensor, training: boolean): Tensor;
  /** What the loss trains. */
  parameters(): NamedVariables;
  /** What training changes otherwise, e.g. running statistics. */
  buffers(): NamedVariables;
  /** An independent unit of the same architecture: equal values for `'copy'`, freshly drawn ones for an {@link Rng}. */
  clone(name: string, init: 'copy' | Rng): Unit;
  /** Multiplications (multiply-accumulates) of one example's forward pass. */
  macs?(): number;
  /** Values of one example that the way back needs, besides the input; absent: as many as its output has. */
  activations?(): number;
  dispose(): void;
}

/** Published cuts: number of blocks → name of the last unit of each block but the final one. */
export type Partitions = Readonly<Record<number, readonly string[]>>;

/** A network before its weights exist: what it is called, what goes in and out, and where papers cut it. */
export interface Backbone {
  readonly name: string;
  /** `[height, width, channels]` of its input. */
  readonly inputShape: Shape;
  readonly classes: number;
  /** The published cuts that are taken by default. */
  readonly partitions: Partitions;
  /** Other published cuts, by the name of whose they are: `{ manpp: { 4: [...] } }`. */
  readonly splits?: Readonly<Record<string, Partitions>>;
  /** How PyTorch's model of the same network calls its weights; absent where there is none. */
  readonly torch?: TorchNames;
  /** Draws the weights, each parameter from `rng.split(its name)`. */
  build(rng: Rng): Network;
}

/** How PyTorch's model of a network calls its weights, and in which order it flattens. */
export interface TorchNames {
  /** Names in PyTorch of a variable (`stage1.unit0.conv1.weight`): the first is written, any is read; none keeps it out of the exchange. */
  namesOf(variable: string): readonly string[];
  /** Weights of linear layers behind a flattened picture, with its shape `[h, w, c]`: PyTorch flattens `[c, h, w]`. */
  readonly flattened?: Readonly<Record<string, Shape>>;
}

/** A network with weights: units in order, then the final classifier, which maps the last unit's output to logits. */
export interface Network {
  readonly units: readonly [Unit, ...Unit[]];
  readonly classifier: Unit;
}

/** Where to cut: a published partition by its number of blocks, an even one, or the names of the units that end a block. */
export interface PartitionOptions {
  /** Number of blocks; 1 is end-to-end training. Not together with `cuts`. */
  readonly blocks?: number;
  /** Whose cut into that many blocks, by a name of the backbone's `splits`; default the one in its `partitions`. */
  readonly split?: string;
  /**
   * Instead of a published cut the most even one, by what the way back of a block keeps (`'memory'`) or by its multiplications
   * (`'compute'`); auxiliary networks are not counted. Not together with `split`.
   */
  readonly balanced?: 'memory' | 'compute';
  /** Names of the last unit of each block but the final one, in order. Not together with `blocks`. */
  readonly cuts?: readonly string[];
  /** `'own'` (default) leaves the cut behind the stem where the partition has one; `'merge'` joins a stem-only block with the next. */
  readonly stem?: 'own' | 'merge';
}

/** A gradient-isolated run of units. */
export interface LocalBlock {
  /** 0-based. */
  readonly index: number;
  readonly units: readonly [Unit, ...Unit[]];
  readonly outputShape: Shape;
}

/** A place where a network may be cut, before anything is built there. */
export interface CutSite {
  /** The unit in front of the cut. */
  readonly last: Unit;
  /** The unit behind it. */
  readonly next: Unit;
  /** Shape of the features that the auxiliary network will be given. */
  readonly featureShape: Shape;
  /** `[height, width, channels]` of the network's input. */
  readonly imageShape: Shape;
  readonly classes: number;
}
