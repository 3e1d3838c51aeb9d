export { type BackboneConformanceOptions, backboneConformance } from './backbone.ts';
export { type Check, runConformance, type TestRunner } from './check.ts';
export { type DatasetConformanceOptions, datasetConformance } from './dataset.ts';
export { type LossConformanceOptions, lossConformance } from './loss.ts';
export { pluginConformance } from './plugin.ts';
export type { PluginConformanceOptions } from './plugin-runs.ts';
export { type UnitConformanceOptions, unitConformance } from './unit.ts';
