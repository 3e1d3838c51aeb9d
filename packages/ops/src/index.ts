export {
  type BatchNormOptions,
  type BatchNormResult,
  type BatchNormVariables,
  batchNormEvaluation,
  batchNormTraining,
} from './batch-norm.ts';
export { type Conv2DOptions, conv2d } from './conv2d.ts';
export { convolutionStack, type RunningStatistics, type StackLayer, type StackOptions, type StackResult } from './convolution-stack.ts';
export { sigmoidCrossEntropy, softmaxCrossEntropy } from './cross-entropy.ts';
export { add, addBias, relu, weightedSum } from './elementwise.ts';
export { type Engine, type EngineName, type EngineOptions, useEngine } from './engine.ts';
export { FlatVariables } from './flat-variables.ts';
export { gelu } from './gelu.ts';
export { type Gradients, gradients } from './gradients.ts';
export type { KernelForm } from './kernel.ts';
export { layerNorm } from './layer-norm.ts';
export { linear } from './linear.ts';
export { measurePeakBytes } from './memory.ts';
export { type NormalizeRowsOptions, normalizeRows } from './normalize-rows.ts';
export { adaptiveAveragePool, averagePool, globalAveragePool, maxPool, type PoolOptions } from './pooling.ts';
export type { ProcessBytes } from './process-memory.ts';
export { type Profile, type ProfileEvent, type ProfileRow, span, startProfiler } from './profiler.ts';
export { resizeBilinear } from './resize-bilinear.ts';
export type { Size2D } from './shapes.ts';
export { isShapesOnly, type ShapesOptions, tensorOf, unfilled, withShapes } from './shapes-backend.ts';
export { similarityLoss } from './similarity.ts';
export { spatialDeviation } from './spatial-deviation.ts';
export { type SupervisedContrastOptions, supervisedContrast } from './supervised-contrast.ts';
export { emaUpdate, type SgdOptions, sgdUpdate } from './updates.ts';
export { createVariable } from './variables.ts';
