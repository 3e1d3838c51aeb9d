import type { TrainerPlugin } from '@man/core';
import { createVariable } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { badOption, notEvaluated } from './errors.ts';

/** Where {@link earlyStopping} ended a run. */
export interface EarlyStop {
  /** The last epoch that was trained. */
  readonly epoch: number;
  readonly bestEpoch: number;
  /** The metric after the best epoch. */
  readonly best: number;
}

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions {
  /** Epochs in a row without improvement that end the run; default 10. */
  readonly patience?: number;
  /** What must improve, of the evaluation after each epoch: `'accuracy'` (default) must grow, `'loss'` must fall. */
  readonly metric?: 'accuracy' | 'loss';
  /** Least change that counts as an improvement; default 0: any. */
  readonly leastChange?: number;
  /** Told when the run is ended. */
  readonly onStop?: (stop: EarlyStop) => void;
}

/**
 * Ends training when the evaluation has not improved for `patience` epochs. The weights stay those of the last epoch.
 *
 * What it remembers is part of the run's state (`earlyStopping.best`): metric and epoch of the best evaluation.
 *
 * @throws MAN_EXTRAS_OPTION; from `fit` MAN_EXTRAS_NOT_EVALUATED where nothing is evaluated
 * @example
 * ```ts
 * createTrainer({ ..., plugins: [earlyStopping({ patience: 20 })] });
 * ```
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): TrainerPlugin {
  const { patience = 10, metric = 'accuracy', leastChange = 0, onStop } = options;
  if (!Number.isInteger(patience) || patience < 1) throw badOption('earlyStopping', 'patience', 'a whole number ≥ 1', patience);
  if (metric !== 'accuracy' && metric !== 'loss') throw badOption('earlyStopping', 'metric', "'accuracy' or 'loss'", metric);
  if (!(leastChange >= 0)) throw badOption('earlyStopping', 'leastChange', 'a number ≥ 0', leastChange);
  const direction = metric === 'accuracy' ? 1 : -1;
  /** `[metric, epoch]` of the best evaluation; epoch 0 stands for none yet. A variable, so that it can be saved. */
  let memory: tf.Variable | undefined;
  let stop = () => {};
  return {
    name: 'early-stopping',
    setup(run) {
      stop = run.stop;
      memory = createVariable(tf.tensor1d([0, 0]), false);
    },
    onEpochEnd({ epoch, evaluation }) {
      if (evaluation === null) throw notEvaluated(epoch);
      // Rounded as the variable rounds: the same accuracy twice is no improvement.
      const value = Math.fround(evaluation[metric]);
      const [best = 0, bestEpoch = 0] = memory?.dataSync() ?? [];
      if (bestEpoch === 0 || direction * (value - best) > leastChange) {
        tf.tidy(() => memory?.assign(tf.tensor1d([value, epoch])));
      } else if (epoch - bestEpoch >= patience) {
        onStop?.({ epoch, bestEpoch, best });
        stop();
      }
    },
    state: () => (memory === undefined ? {} : { 'earlyStopping.best': memory }),
    dispose: () => memory?.dispose(),
  };
}
