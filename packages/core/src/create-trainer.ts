import { Trainer } from './trainer.ts';
import type { TrainerOptions } from './trainer-options.ts';

/**
 * Creates a trainer. See {@link Trainer} for the loop and its hooks.
 *
 * @throws MAN_CORE_PLUGIN, MAN_CORE_PLUGIN_MISSING, MAN_CORE_PARTITION, MAN_CORE_PARTITION_UNKNOWN, MAN_CORE_CUT,
 * MAN_CORE_CUT_UNUSABLE, MAN_CORE_SHAPE, MAN_CORE_LOSS_MISSING
 * @example
 * ```ts
 * const trainer = createTrainer({ backbone: resnet32(), partition: { blocks: 16 }, loss: infopro(), plugins: [man()], seed: 7 });
 * await trainer.fit(train, { epochs: 400, evaluate: test });
 * ```
 */
export function createTrainer(options: TrainerOptions): Trainer {
  return new Trainer(options);
}
