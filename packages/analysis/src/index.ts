export { type CkaAccumulator, type CkaOptions, createCka, type HsicEstimator, linearCka } from './cka.ts';
export { type FeatureMapOptions, type FeatureMaps, featureMaps } from './feature-maps.ts';
export { type FitMemoryOptions, fewestBlocks, largestBatch } from './fit-memory.ts';
export { type LayerSimilarity, type LayerSimilarityOptions, layerSimilarity } from './layer-similarity.ts';
export { type LinearProbeOptions, linearProbes, type ProbeResult } from './linear-probes.ts';
export {
  type LogisticModel,
  type LogisticRegressionOptions,
  logisticRegression,
  predictLogistic,
} from './logistic-regression.ts';
export { type BlockMemory, type MemoryPlan, type PlanOptions, planMemory } from './plan-memory.ts';
