export { type PoolPlan, planPooling } from './plan-pooling.ts';
export { type PredSimOptions, predsim, predsimSchema } from './predsim.ts';
