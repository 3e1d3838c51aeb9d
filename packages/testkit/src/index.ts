export { type Check, runConformance, type TestRunner } from './check.ts';
export { type LossConformanceOptions, lossConformance } from './loss.ts';
export { type UnitConformanceOptions, unitConformance } from './unit.ts';
