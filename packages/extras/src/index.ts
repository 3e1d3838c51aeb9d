export { type ClipGradientsOptions, clipGradients } from './clip-gradients.ts';
export { type EarlyStop, type EarlyStoppingOptions, earlyStopping } from './early-stopping.ts';
export { type FindLearningRateOptions, findLearningRate, type RangeTest, type RatePoint } from './find-learning-rate.ts';
export { type WeightAverage, type WeightAverageOptions, weightAverage } from './weight-average.ts';
