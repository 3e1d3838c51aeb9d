import { createTrainer } from '@man/core';
import { startEngine } from './engine.ts';
import { assemble } from './factories.ts';
import { knownSet } from './known-sets.ts';
import type { TrainConfig } from './schema/index.ts';

/** `man-reproduce describe`: the blocks of a configuration as a table. Needs no pictures. */
export async function describe(config: TrainConfig): Promise<number> {
  await startEngine(config);
  const { loss, plugin, ...parts } = assemble(config, knownSet(config.dataset));
  const trainer = createTrainer({ ...parts, ...(loss === null ? {} : { loss }), plugins: plugin });
  process.stdout.write(`${trainer.describe()}\n`);
  trainer.dispose();
  return 0;
}
