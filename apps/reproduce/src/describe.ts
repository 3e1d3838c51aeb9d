import { createTrainer } from '@man/core';
import { CIFAR10_CLASSES } from '@man/dataset-cifar10';
import { useEngine } from '@man/ops';
import { assemble } from './factories.ts';
import type { TrainConfig } from './schema/index.ts';

/** `man-reproduce describe`: the blocks of a configuration as a table. Needs neither pictures nor a fast engine. */
export async function describe(config: TrainConfig): Promise<number> {
  await useEngine('cpu');
  const { loss, plugin, ...parts } = assemble(config, CIFAR10_CLASSES.length);
  const trainer = createTrainer({ ...parts, ...(loss === null ? {} : { loss }), plugins: plugin });
  process.stdout.write(`${trainer.describe()}\n`);
  trainer.dispose();
  return 0;
}
