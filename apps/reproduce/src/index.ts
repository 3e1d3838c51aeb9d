export { loadCompareConfig, loadTrainConfig } from './configuration.ts';
export { main } from './program.ts';
export type { RunResult } from './result.ts';
export type { CompareConfig, TrainConfig } from './schema/index.ts';
