import type { Backbone, LocalLoss, OptimizerDefinition, PartitionOptions, PluginOption, Schedule } from './contracts.ts';
import type { Trace } from './plugins.ts';

/** What a trainer is made of. */
export interface TrainerOptions {
  readonly backbone: Backbone;
  /** Default `{ blocks: 1 }`: end-to-end training. */
  readonly partition?: PartitionOptions;
  /** Needed from two blocks on. */
  readonly loss?: LocalLoss;
  /** Default `sgd()`. */
  readonly optimizer?: OptimizerDefinition;
  /** Default `constant(0.1)`. */
  readonly schedule?: Schedule;
  readonly plugins?: PluginOption;
  /** Decides initial weights; equal seeds give equal networks whatever the loss and plugins. Default 1. */
  readonly seed?: number | string;
  /** Steps between two readings of losses from the engine; default 10. */
  readonly readEvery?: number;
  /** Is told of every plugin hook that runs. */
  readonly trace?: Trace;
}
