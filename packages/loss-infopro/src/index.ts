export { type InfoProOptions, infopro } from './infopro.ts';
export { type InfoProPreset, type LambdaRange, type Lambdas, lambdasAt } from './schedule.ts';
