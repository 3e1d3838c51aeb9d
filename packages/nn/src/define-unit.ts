import type { Rng } from '@man/base';
import { activationsOf, type NamedVariables, prefixed, type Shape, type Unit } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { notCopyable, inputShape as wrongInput } from './errors.ts';
import { type LayerPart, setPart } from './fuse.ts';

/** Where a unit stands: its name, what it is given, and the random numbers for its weights. */
export interface UnitSite {
  readonly name: string;
  /** Without the batch axis. */
  readonly inputShape: Shape;
  readonly rng: Rng;
  readonly stage?: number;
}

/** Makes a unit for a place in a network; layers are such functions, so that shapes need to be given only once. */
export type UnitFactory = (site: UnitSite) => Unit;

/** What a unit consists of. */
export interface UnitBody {
  readonly outputShape: Shape;
  /** Units inside, whose variables get the part's name as prefix, in this order, after the unit's own. */
  readonly parts?: Readonly<Record<string, Unit>>;
  readonly parameters?: NamedVariables;
  readonly buffers?: NamedVariables;
  /** Multiplications of one example, besides those of the parts. */
  readonly macs?: number;
  /** Values of one example that the way back needs of it, besides those of the parts; default: its output's without parts, else 0. */
  readonly activations?: number;
  /** What a chain of layers may fuse it with. @internal */
  readonly part?: LayerPart;
  /** Runs in a tidy. */
  apply(x: tf.Tensor, training: boolean): tf.Tensor;
}

/**
 * Makes a {@link Unit} from a function that builds its body; clones are built by the same function.
 *
 * @example
 * ```ts
 * const scale: UnitFactory = (site) =>
 *   defineUnit(site, ({ inputShape }) => {
 *     const factor = createVariable(tf.ones([1]));
 *     return { outputShape: inputShape, parameters: { factor }, apply: (x) => tf.mul(x, factor) };
 *   });
 * ```
 */
export function defineUnit(site: UnitSite, build: (site: UnitSite) => UnitBody): Unit {
  const body = build(site);
  const parts = body.parts ?? {};
  const collect = (kind: 'parameters' | 'buffers'): NamedVariables => ({
    ...body[kind],
    ...prefixed(Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part[kind]()]))),
  });
  const ownActivations = body.activations ?? (body.parts === undefined ? body.outputShape.reduce((a, b) => a * b, 1) : 0);
  const unit: Unit = {
    name: site.name,
    ...(site.stage === undefined ? {} : { stage: site.stage }),
    inputShape: site.inputShape,
    outputShape: body.outputShape,
    apply(x, training) {
      if (x.rank !== site.inputShape.length + 1 || !site.inputShape.every((size, i) => x.shape[i + 1] === size))
        throw wrongInput(site.name, `[n,${site.inputShape.join(',')}]`, x.shape);
      return tf.tidy(() => body.apply(x, training));
    },
    parameters: () => collect('parameters'),
    buffers: () => collect('buffers'),
    clone(name, init) {
      // A copy's own draws (see dropout) are its own too.
      const twin = defineUnit({ ...site, name, rng: init === 'copy' ? site.rng.split(name) : init }, build);
      if (init === 'copy') copyVariables(unit, twin);
      return twin;
    },
    macs: () => Object.values(parts).reduce((sum, part) => sum + (part.macs?.() ?? 0), body.macs ?? 0),
    activations: () => Object.values(parts).reduce((sum, part) => sum + activationsOf(part), ownActivations),
    dispose() {
      tf.dispose([Object.values(body.parameters ?? {}), Object.values(body.buffers ?? {})]);
      for (const part of Object.values(parts)) part.dispose();
    },
  };
  if (body.part !== undefined) setPart(unit, body.part);
  return unit;
}

function copyVariables(from: Unit, to: Unit): void {
  const source = { ...from.parameters(), ...from.buffers() };
  for (const [name, variable] of Object.entries({ ...to.parameters(), ...to.buffers() })) {
    const value = source[name];
    if (value === undefined) throw notCopyable(from.name, to.name);
    tf.tidy(() => variable.assign(tf.clone(value)));
  }
}
