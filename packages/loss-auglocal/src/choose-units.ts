import type { Shape, Unit } from '@man/core';

/** The cheapest chain that ends with a unit: how far from even it is, and the units before. */
interface Chain {
  readonly unit: Unit;
  readonly cost: number;
  readonly before: Chain | null;
}

/** More than any sum of squared distances: shapes come first. */
const WRONG_SHAPE = 1e9;

/**
 * Of the units behind features of a shape, `count` whose shapes go together, each with the next, as evenly spread as that allows.
 *
 * Even places are the multiples of n / count of n units, the last among them. Of all chains that one is taken whose units give the shapes
 * that units at the even places give, and stand nearest to them, by the sum of squared distances. Fewer are taken where no longer chain begins
 * with the features' shape.
 */
export function chooseUnits(units: readonly Unit[], featureShape: Shape, count: number): Unit[] {
  for (let length = Math.min(count, units.length); length > 0; length--) {
    const chain = cheapestChain(units, featureShape, length);
    if (chain !== null) return unitsOf(chain);
  }
  return [];
}

function cheapestChain(units: readonly Unit[], featureShape: Shape, length: number): Chain | null {
  let chains: readonly (Chain | null)[] = [];
  for (let turn = 0; turn < length; turn++) {
    const even = Math.round((units.length / length) * (turn + 1)) - 1;
    const wanted = `${units[even]?.outputShape}`;
    const known = chains;
    chains = units.map((unit, place) => {
      const before = turn === 0 ? null : cheapest(known.slice(0, place).filter((chain) => fits(unit, chain?.unit.outputShape)));
      if (turn === 0 ? !fits(unit, featureShape) : before === null) return null;
      const cost = (before?.cost ?? 0) + (place - even) ** 2 + (`${unit.outputShape}` === wanted ? 0 : WRONG_SHAPE);
      return { unit, cost, before };
    });
  }
  return cheapest(chains);
}

const fits = ({ inputShape }: Unit, shape: Shape | undefined) => `${inputShape}` === `${shape}`;

function cheapest(chains: readonly (Chain | null)[]): Chain | null {
  return chains.reduce((best, chain) => (chain !== null && (best === null || chain.cost < best.cost) ? chain : best), null);
}

function unitsOf(chain: Chain | null): Unit[] {
  return chain === null ? [] : [...unitsOf(chain.before), chain.unit];
}
