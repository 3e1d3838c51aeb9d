import type { Composed } from '@man/config';
import type { EpochReport, Trainer } from '@man/core';
import type { Engine } from '@man/ops';
import type { RunSummary } from '@man/track';
import { engineText } from './engine.ts';
import { environment } from './environment.ts';
import type { RunFolder } from './run-folder.ts';
import type { TrainConfig } from './schema/index.ts';

/** What a run measured: `summary.json`, and the line of JSON that `train --json` prints. Shares are 0 … 1. */
export interface RunResult extends RunSummary {
  /** Share of test pictures classified correctly after the last epoch; null where nothing was tested. */
  readonly testTop1: number | null;
  /** The same of the training pictures as they were trained on, over the last epoch. */
  readonly trainTop1: number | null;
  /** Mean loss of each block over the last epoch, first block first; the last one's is the classifier's. */
  readonly blockLosses: readonly (number | null)[];
  /** Share of the training time that the engine waited for data. */
  readonly waiting: number | null;
  /** Memory resident before the network was made: the program, the engine and the pictures. */
  readonly idleResidentBytes: number;
  /** Trained numbers that only training needs. */
  readonly auxiliaryParameters: number;
  readonly dataset: string;
  readonly trainPictures: number;
  readonly testPictures: number;
  readonly backbone: string;
  readonly batch: number;
  /** Steps taken, those of an epoch that was not finished included. */
  readonly steps: number;
  readonly configHash: string;
  readonly folder: string;
  /** Processor, memory, versions; absent in runs of older versions. */
  readonly environment?: Readonly<Record<string, string | number>>;
}

/** Everything a result is put together from. */
export interface Finished {
  readonly composed: Composed<TrainConfig>;
  readonly summary: RunSummary;
  readonly epochs: readonly EpochReport[];
  readonly trainer: Trainer;
  readonly engine: Engine;
  readonly folder: RunFolder;
  readonly dataset: string;
  readonly pictures: { readonly train: number; readonly test: number };
  readonly idleResidentBytes: number;
}

/** The result of a run, finished or stopped. */
export function resultOf(finished: Finished): RunResult {
  const { composed, summary, epochs, trainer, engine, folder, dataset, pictures, idleResidentBytes } = finished;
  const { network, auxiliary } = trainer.countParameters();
  return {
    ...summary,
    engine: engineText(engine),
    parameters: network,
    blocks: trainer.blocks.length,
    plannedEpochs: composed.config.train.epochs,
    peakTensorBytes: trainer.peakTensorBytes,
    testTop1: summary.final.testAccuracy,
    trainTop1: summary.final.trainAccuracy,
    blockLosses: summary.epochs.at(-1)?.blockLosses ?? [],
    waiting: summary.seconds > 0 ? epochs.reduce((sum, { waiting, seconds }) => sum + waiting * seconds, 0) / summary.seconds : null,
    idleResidentBytes,
    auxiliaryParameters: auxiliary,
    dataset,
    trainPictures: pictures.train,
    testPictures: pictures.test,
    backbone: trainer.backbone.name,
    batch: composed.config.train.batch,
    steps: trainer.steps,
    configHash: composed.hash,
    environment: environment({}),
    folder: folder.path,
  };
}
