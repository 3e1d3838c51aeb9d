import { checkpoint, type Resumed, resume } from '@man/checkpoint';
import type { Composed } from '@man/config';
import type { PluginOption, Trainer } from '@man/core';
import { formatBytes } from '@man/track';
import type { RunFolder } from './run-folder.ts';
import type { TrainConfig } from './schema/index.ts';
import { fact, notice } from './terminal.ts';

/** The folder of a run's checkpoints. */
export const CHECKPOINTS = 'checkpoints';

/** What saves the run as it goes; says once how much space it takes. */
export function saving({ config, toYaml }: Composed<TrainConfig>, folder: RunFolder): PluginOption {
  const { every, last, best, metric } = config.checkpoint;
  if (every === 'never') return null;
  let isSaid = false;
  return checkpoint({
    folder: folder.file(CHECKPOINTS),
    every: every as number | 'epoch',
    keep: { last, best, metric: metric as 'accuracy' | 'loss' },
    configuration: toYaml(),
    onSave: ({ bytes }) => {
      if (!isSaid && process.send === undefined) {
        const kept = best === 0 ? `the last ${last}` : `the last ${last} and the best ${best}`;
        notice(`\nSaved: ${formatBytes(bytes)} each, ${kept} in ${CHECKPOINTS}/.`);
      }
      isSaid = true;
    },
  });
}

/**
 * Makes a run go on where its latest checkpoint is.
 *
 * @returns null where there is none
 */
export async function goOn(trainer: Trainer, folder: RunFolder): Promise<Resumed | null> {
  const resumed = await resume(trainer, folder.file(CHECKPOINTS), {
    onDamaged: (file) => notice(`cannot be read, and is passed over: ${file}`),
  });
  if (resumed !== null) fact('resumed', `behind step ${resumed.steps}, epoch ${resumed.epoch + 1}`);
  return resumed;
}
