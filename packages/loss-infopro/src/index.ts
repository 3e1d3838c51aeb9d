export type { InfoProHead } from './auxiliary.ts';
export { type InfoProMode, type InfoProOptions, infopro, infoproSchema } from './infopro.ts';
export { type InfoProDataset, type InfoProPreset, type LambdaRange, type Lambdas, lambdasAt, presetFor } from './schedule.ts';
