export {
  type BatchNormOptions,
  type BatchNormResult,
  type BatchNormVariables,
  batchNormEvaluation,
  batchNormTraining,
} from './batch-norm.ts';
export { type Conv2DOptions, conv2d, type Size2D } from './conv2d.ts';
export { sigmoidCrossEntropy, softmaxCrossEntropy } from './cross-entropy.ts';
export { add, addBias, relu, weightedSum } from './elementwise.ts';
export { type Engine, type EngineName, useEngine } from './engine.ts';
export { FlatVariables } from './flat-variables.ts';
export { type Gradients, gradients } from './gradients.ts';
export { linear } from './linear.ts';
export { measurePeakBytes } from './memory.ts';
export { adaptiveAveragePool, averagePool, globalAveragePool, maxPool, type PoolOptions } from './pooling.ts';
export { resizeBilinear } from './resize-bilinear.ts';
export { emaUpdate, type SgdOptions, sgdUpdate } from './updates.ts';
export { createVariable } from './variables.ts';
