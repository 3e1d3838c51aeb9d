import type { Rng } from '@man/base';
import type { Network, Shape, Unit } from '@man/core';
import type { UnitFactory } from './define-unit.ts';

/** A unit of a network to be built. */
export interface UnitPlan {
  readonly name: string;
  /** 0 for a stem. */
  readonly stage: number;
  readonly factory: UnitFactory;
}

/** Builds units, each for the shape that the one before it gives and from `rng.split(its name)`, then the `classifier`. */
export function buildNetwork(rng: Rng, inputShape: Shape, plans: readonly UnitPlan[], classifier: UnitFactory): Network {
  let shape = inputShape;
  const append = (name: string, factory: UnitFactory, stage?: number): Unit => {
    const unit = factory({ name, inputShape: shape, rng: rng.split(name), ...(stage === undefined ? {} : { stage }) });
    shape = unit.outputShape;
    return unit;
  };
  const units = plans.map(({ name, factory, stage }) => append(name, factory, stage));
  return { units: units as unknown as Network['units'], classifier: append('classifier', classifier) };
}
