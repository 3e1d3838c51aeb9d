export { type InfoProMode, type InfoProOptions, infopro, infoproSchema } from './infopro.ts';
export { type InfoProPreset, type LambdaRange, type Lambdas, lambdasAt } from './schedule.ts';
