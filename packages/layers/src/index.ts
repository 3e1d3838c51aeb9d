export { type LocalLearningOptions, localLearning } from './local-learning.ts';
export { type BlockSummary, LocalModel } from './local-model.ts';
