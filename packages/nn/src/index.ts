export { defineUnit, type UnitBody, type UnitFactory, type UnitSite } from './define-unit.ts';
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
export { type AveragePoolLayerOptions, adaptiveAveragePool, averagePool, flatten } from './pooling.ts';
