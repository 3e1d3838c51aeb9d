import type { Unit } from './contracts.ts';

/** Values of one example that a unit's way back needs, besides its input; where it does not tell, those of its output. */
export function activationsOf(unit: Unit): number {
  return unit.activations?.() ?? unit.outputShape.reduce((a, b) => a * b, 1);
}

/** Multiplications of one example; a unit that does not tell counts as none. */
export function macsOf(unit: Unit): number {
  return unit.macs?.() ?? 0;
}
