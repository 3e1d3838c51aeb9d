import type { PluginOption } from '@man/core';
import { clipGradients, earlyStopping, type WeightAverage, weightAverage } from '@man/extras';
import type { TrainConfig } from './schema/index.ts';
import { notice } from './terminal.ts';

/** The small plugins of a configuration. */
export interface Extras {
  readonly plugins: PluginOption;
  /** The averaged network, where there is one. */
  readonly average: WeightAverage | null;
}

export function extrasOf({ extras: { clip, earlyStopping: stop, average } }: TrainConfig): Extras {
  const { patience, metric, leastChange } = stop;
  const averaged = average.momentum === null ? null : weightAverage({ momentum: average.momentum, warmUp: average.warmUp });
  const plugins = [
    clip.norm === null ? null : clipGradients({ norm: clip.norm }),
    clip.value === null ? null : clipGradients({ value: clip.value }),
    averaged,
    patience === null
      ? null
      : earlyStopping({
          patience,
          metric,
          leastChange,
          onStop: ({ epoch, best, bestEpoch }) =>
            notice(`Stopped early, behind epoch ${epoch}: ${metric} has not improved on ${best} since epoch ${bestEpoch}.`),
        }),
  ];
  return { plugins, average: averaged };
}
