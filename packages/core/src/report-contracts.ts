/** Loss and accuracy of one block, over one step or averaged over several (weighted by examples). */
export interface BlockMetrics {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  /** Share of examples the block's own head (the classifier, for the last block) classifies correctly; null without one. */
  readonly accuracy: number | null;
}

/** What one step measured. */
export interface StepMetrics {
  readonly step: number;
  readonly epoch: number;
  readonly examples: number;
  readonly learningRate: number;
  readonly blocks: readonly BlockMetrics[];
}

/** Where an epoch begins. */
export interface EpochInfo {
  readonly epoch: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly batches: number;
  readonly examples: number;
}

/** Where an epoch stands; sent every `readEvery` steps and at its end. */
export interface ProgressReport extends EpochInfo {
  /** Batches of this epoch that are done. */
  readonly batch: number;
  /** Averages over the epoch so far. */
  readonly blocks: readonly BlockMetrics[];
  /** The steps since the last report, one by one. */
  readonly steps: readonly StepMetrics[];
  /** Training speed of the epoch so far. */
  readonly imagesPerSecond: number;
  /** Share of the time that the engine waited for data, 0 … 1. */
  readonly waiting: number;
  /** Most bytes of tensors alive at once in any step so far. */
  readonly peakTensorBytes: number;
  /** Estimate for the whole run. */
  readonly secondsLeft: number;
}

/** What an evaluation measured. */
export interface Evaluation {
  readonly examples: number;
  /** Share classified correctly (top-1), 0 … 1. */
  readonly accuracy: number;
  /** Share whose class is among the five likeliest (top-5), 0 … 1; says something of many classes only. */
  readonly top5Accuracy: number;
  /** Mean cross-entropy of the classifier. */
  readonly loss: number;
  readonly seconds: number;
}

/** A finished epoch. */
export interface EpochReport extends EpochInfo {
  readonly blocks: readonly BlockMetrics[];
  /** Null where nothing was evaluated. */
  readonly evaluation: Evaluation | null;
  /** Training only, without the evaluation. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly waiting: number;
  readonly peakTensorBytes: number;
}

/** What {@link Trainer.fit} resolves to. */
export interface FitReport {
  readonly epochs: readonly EpochReport[];
  /** Whether the signal ended it early. */
  readonly interrupted: boolean;
  /** The plugin that ended it by `run.stop()`; null where none did. */
  readonly stoppedBy: string | null;
  readonly seconds: number;
}
