/** A differentiable function: returns its value at `at` and writes its gradient. */
export type Objective = (at: Float64Array, gradient: Float64Array) => number;

export interface Minimum {
  readonly at: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Whether the largest component of the gradient fell below the tolerance. */
  readonly converged: boolean;
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly curvature: number;
}

const MEMORY = 10;

/**
 * Limited-memory BFGS (Nocedal & Wright, Algorithm 7.5) with halving steps, for smooth convex functions of a few thousand variables.
 */
export function minimize(objective: Objective, start: Float64Array, maxIterations: number, tolerance: number): Minimum {
  let at = start.slice();
  let gradient = new Float64Array(at.length);
  let value = objective(at, gradient);
  const pairs: Pair[] = [];
  for (let iteration = 0; ; iteration++) {
    const converged = gradient.every((slope) => Math.abs(slope) <= tolerance);
    if (converged || iteration === maxIterations) return { at, value, iterations: iteration, converged };
    const direction = descent(gradient, pairs);
    const next = search(objective, at, value, direction, dot(gradient, direction), pairs.length === 0 ? 1 / norm(gradient) : 1);
    // No step goes down any more: as near as these numbers come.
    if (next === null) return { at, value, iterations: iteration, converged };
    const step = minus(next.at, at);
    const change = minus(next.gradient, gradient);
    const curvature = dot(step, change);
    if (curvature > 0) pairs.push({ step, change, curvature });
    if (pairs.length > MEMORY) pairs.shift();
    ({ at, gradient, value } = next);
  }
}

/** Minus the gradient, times an estimate of the inverse Hessian. */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((slope) => -slope);
  const shares = pairs.toReversed().map(({ step, change, curvature }) => {
    const share = dot(step, direction) / curvature;
    addTo(direction, change, -share);
    return share;
  });
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = last.curvature / dot(last.change, last.change);
    for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * scale;
  }
  pairs.forEach(({ step, change, curvature }, i) => {
    addTo(direction, step, (shares[pairs.length - 1 - i] as number) - dot(change, direction) / curvature);
  });
  return direction;
}

/** The first of ever smaller steps that goes down by a share of what the slope promises (Armijo); null where none does. */
function search(objective: Objective, from: Float64Array, value: number, direction: Float64Array, slope: number, first: number) {
  for (let length = first, tries = 0; tries < 40; tries++, length /= 2) {
    const at = from.slice();
    addTo(at, direction, length);
    const gradient = new Float64Array(at.length);
    const there = objective(at, gradient);
    if (there <= value + 1e-4 * length * slope) return { at, gradient, value: there };
  }
  return null;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

const norm = (a: Float64Array) => Math.sqrt(dot(a, a)) || 1;
const minus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value - (b[i] as number));

function addTo(a: Float64Array, b: Float64Array, scale: number): void {
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) + scale * (b[i] as number);
}
