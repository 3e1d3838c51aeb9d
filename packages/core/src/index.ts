export { ManError } from '@man/base';
export { auxSite } from './aux-site.ts';
export { disposeBatch } from './batch.ts';
export { forward } from './blocks.ts';
export type * from './contracts.ts';
export { activationsOf } from './cost.ts';
export { createTrainer } from './create-trainer.ts';
export type { BlockCost } from './describe.ts';
export type { FitOptions } from './fit.ts';
export { fromFunctions, type UnitFunctions, type VariablesOf } from './from-functions.ts';
export { countValues, prefixed } from './named.ts';
export { cutIntoBlocks, type Objection, partitionSchema } from './partition.ts';
export type { Trace } from './plugins.ts';
export { type CosineOptions, constant, constantSchema, cosine, cosineSchema, multiStep, multiStepSchema } from './schedules.ts';
export { type SgdOptions, sgd, sgdSchema } from './sgd.ts';
export {
  assignAll,
  checkMatch,
  OPTIMIZER,
  type PluginPosition,
  type RestoreOptions,
  type RunPosition,
  type Snapshot,
  shapesOf,
} from './snapshot.ts';
export { Trainer } from './trainer.ts';
export type { TrainerOptions } from './trainer-options.ts';
