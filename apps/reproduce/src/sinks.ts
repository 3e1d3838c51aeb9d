import type { Composed } from '@man/config';
import type { PluginOption, TrainerPlugin } from '@man/core';
import { csv, mlflow, progress, tensorboard } from '@man/track';
import { labelOf } from './names.ts';
import type { RunFolder } from './run-folder.ts';
import type { TrainConfig } from './schema/index.ts';
import { notice } from './terminal.ts';

/** What shows a run, and what is kept of it besides its events. */
export function sinksOf(composed: Composed<TrainConfig>, folder: RunFolder): PluginOption {
  const { config } = composed;
  const { track } = config;
  const isKept = (rows: 'epochs' | 'steps') => track.csv === rows || track.csv === 'both';
  return [
    progress({ stream: process.stderr, label: labelOf(config), mode: track.progress }),
    isKept('epochs') && csv({ file: folder.file('epochs.csv') }),
    isKept('steps') && csv({ file: folder.file('steps.csv'), rows: 'step' }),
    track.tensorboard && tensorboard({ folder: folder.file('tensorboard') }),
    track.mlflow.url === null ? null : mlflowSink(composed, folder, track.mlflow.url),
  ];
}

function mlflowSink({ config, hash, overrides }: Composed<TrainConfig>, folder: RunFolder, url: string): TrainerPlugin {
  let isTold = false;
  return mlflow({
    url,
    spool: folder.file('mlflow.jsonl'),
    experiment: config.track.mlflow.experiment,
    name: config.run.name ?? labelOf(config),
    parameters: { overrides: overrides.join(' '), config: hash, seed: String(config.seed) },
    onDelivery: (problem) => {
      if ((problem !== null) !== isTold)
        notice(problem === null ? 'MLflow answers again.' : `MLflow does not answer; nothing is lost: ${text(problem)}`);
      isTold = problem !== null;
    },
  });
}

const text = (problem: unknown) => (problem instanceof Error ? problem.message : String(problem));
