import { withShapes } from '@man/ops';
import { trainerOf } from './plan-command.ts';
import type { TrainConfig } from './schema/index.ts';

/** `man-reproduce describe`: the blocks of a configuration as a table. Needs no pictures and no engine. */
export function describe(config: TrainConfig): number {
  withShapes(() => {
    const trainer = trainerOf(config);
    process.stdout.write(`${trainer.describe()}\n`);
    trainer.dispose();
  });
  return 0;
}
