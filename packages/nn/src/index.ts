export { defineUnit, type UnitBody, type UnitFactory, type UnitSite } from './define-unit.ts';
export { batchNorm, type Conv2DLayerOptions, conv2d, globalAveragePool, linear, relu, residual, resize, sequential } from './layers.ts';
