import type { Network } from './contracts.ts';
import { activationsOf, macsOf } from './cost.ts';

/** What an even cut makes even. */
export type Balanced = 'memory' | 'compute';

/** The best way to end a number of blocks behind a unit. */
interface Way {
  /** What is minimised: of the dearest block, or the sum of squares. */
  readonly cost: number;
  /** Index of the unit that ends the block before; -1 for none. */
  readonly before: number;
}

/**
 * Indices of the units that end a block, so that the dearest block is as cheap as possible, and among such cuts the squares of
 * the costs sum up to the least; null where there are too few places.
 *
 * A block costs its units, and the last one the classifier too; auxiliary networks are not counted.
 *
 * @param mayEnd which units a block may end behind
 */
export function balancedEnds(network: Network, blocks: number, by: Balanced, mayEnd: (index: number) => boolean): number[] | null {
  const measure = by === 'memory' ? activationsOf : macsOf;
  const { units, classifier } = network;
  const costs = units.map(measure);
  const last = units.length - 1;
  costs[last] = (costs[last] as number) + measure(classifier);
  const sums = [0];
  costs.forEach((cost, i) => {
    sums.push((sums[i] as number) + cost);
  });
  /** Of the block from `before` + 1 to `end`. */
  const costOf = (before: number, end: number) => (sums[end + 1] as number) - (sums[before + 1] as number);

  const dearest = bestEnds(last, blocks, mayEnd, costOf, Math.max);
  if (dearest === null) return null;
  const limit = dearest.cost;
  const squared = (before: number, end: number) => {
    const cost = costOf(before, end);
    return cost > limit ? Number.POSITIVE_INFINITY : cost * cost;
  };
  return (bestEnds(last, blocks, mayEnd, squared, (a, b) => a + b) ?? dearest).ends;
}

/** Dynamic programming over the number of blocks and the unit that ends the last of them; of equal ways the one that cuts first wins. */
function bestEnds(
  last: number,
  blocks: number,
  mayEnd: (index: number) => boolean,
  costOf: (before: number, end: number) => number,
  join: (a: number, b: number) => number,
): { readonly ends: number[]; readonly cost: number } | null {
  let ways = new Map<number, Way>([[-1, { cost: 0, before: -1 }]]);
  const history: Map<number, Way>[] = [];
  for (let block = 1; block <= blocks; block++) {
    const next = new Map<number, Way>();
    for (let end = 0; end <= last; end++) {
      if (block === blocks ? end !== last : end === last || !mayEnd(end)) continue;
      for (const [before, way] of ways) {
        if (before >= end) continue;
        const cost = join(way.cost, costOf(before, end));
        if (cost < (next.get(end)?.cost ?? Number.POSITIVE_INFINITY)) next.set(end, { cost, before });
      }
    }
    history.push(next);
    ways = next;
  }
  const final = ways.get(last);
  if (final === undefined) return null;
  const ends: number[] = [];
  for (let block = blocks - 1, { before } = final; block > 0; block--) {
    ends.unshift(before);
    before = ((history[block - 1] as Map<number, Way>).get(before) as Way).before;
  }
  return { ends, cost: final.cost };
}
