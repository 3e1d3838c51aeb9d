export { buildNetwork, type UnitPlan } from './build-network.ts';
export { defineUnit, type UnitBody, type UnitFactory, type UnitSite } from './define-unit.ts';
export { dropout } from './dropout.ts';
export {
  batchNorm,
  type Conv2DLayerOptions,
  conv2d,
  globalAveragePool,
  type LinearLayerOptions,
  linear,
  relu,
  residual,
  resize,
  sequential,
} from './layers.ts';
export { type MaxPoolLayerOptions, maxPool } from './max-pool.ts';
export { type AveragePoolLayerOptions, adaptiveAveragePool, averagePool, flatten, reshape } from './pooling.ts';
export {
  averageClassifier,
  type ResidualBackboneOptions,
  residualBackbone,
  residualStages,
  residualTorchNames,
} from './residual-backbone.ts';
export { type BasicUnitOptions, type BottleneckUnitOptions, basicUnit, bottleneckUnit } from './residual-units.ts';
export {
  type AttentionOptions,
  attention,
  type EncoderLayerOptions,
  encoderLayer,
  firstToken,
  gelu,
  layerNorm,
  type PatchEmbeddingOptions,
  patchEmbedding,
  type TokenPictureOptions,
  tokenPicture,
} from './tokens.ts';
