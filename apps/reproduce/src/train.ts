import type { Composed } from '@man/config';
import { createTrainer, type PluginOption, type Trainer } from '@man/core';
import type { Loader } from '@man/data';
import type { Engine } from '@man/ops';
import {
  eventLog,
  formatBytes,
  formatCount,
  formatPercent,
  formatRate,
  type History,
  history,
  profile,
  profileTable,
  writeReport,
  writeSafetensors,
  writeSummary,
} from '@man/track';
import { goOn, saving } from './checkpoints.ts';
import { loaders, openDataset, share } from './data.ts';
import { engineText, startEngine } from './engine.ts';
import { dateText, environment } from './environment.ts';
import { lastBatchOfOne, noCheckpoint } from './errors.ts';
import { type Extras, extrasOf } from './extras.ts';
import { assemble, type PictureKind } from './factories.ts';
import { knownSet } from './known-sets.ts';
import { dataName, labelOf, networkName } from './names.ts';
import { beginAgain, presentRun } from './present-run.ts';
import { type RunResult, resultOf } from './result.ts';
import { endsWithOne, epochSize } from './rules.ts';
import { createRunFolder, openRunFolder, type RunFolder, shown } from './run-folder.ts';
import type { TrainConfig } from './schema/index.ts';
import { sinksOf } from './sinks.ts';
import { listenForStop } from './stop.ts';
import { fact, notice } from './terminal.ts';

/** Of a comparison, these are the same for all runs and said once, by the process that started this one. */
const tell = process.send === undefined ? fact : () => {};

/** Options of {@link train}. */
export interface TrainOptions {
  readonly json: boolean;
  /** Folder of a run that goes on; null (default) starts one. */
  readonly resumeIn?: string | null;
  /** Whether a run that is in `run.dir` already goes on, begins again where it has no checkpoint, and is left where it is finished. */
  readonly anyhow?: boolean;
}

/**
 * `man-reproduce train`: one network, one method, one folder.
 *
 * @returns the exit code: 0, or 130 or 143 when it was stopped, with everything written
 */
export async function train(composed: Composed<TrainConfig>, options: TrainOptions): Promise<number> {
  const { json, anyhow = false } = options;
  const found = anyhow ? await presentRun(composed) : null;
  if (found?.result != null) return tellResult(found.result, json);
  const resumeIn = options.resumeIn ?? found?.folder ?? null;
  const stop = listenForStop();
  try {
    const folder = resumeIn === null ? await createRunFolder(composed) : openRunFolder(resumeIn);
    const setting = await prepare(composed, folder, stop.signal).catch(async (error: unknown) => {
      await folder.discard();
      if (stop.signal.aborted) return null;
      throw error;
    });
    if (setting === null) {
      notice(`Stopped before training began; ${resumeIn === null ? 'no files are left' : 'its files are as they were'}.`);
      return stop.exitCode();
    }
    if (resumeIn !== null && (await goOn(setting.trainer, folder)) === null) {
      if (!anyhow) throw noCheckpoint(folder.shown);
      await beginAgain(composed, folder);
    }
    const result = await run(composed, setting, folder, stop.signal);
    tellResult(result, json);
    return result.interrupted ? stop.exitCode() : 0;
  } finally {
    stop.dispose();
  }
}

function tellResult(result: RunResult, json: boolean): number {
  process.stdout.write(`${json ? JSON.stringify(result) : resultText(result)}\n`);
  return 0;
}

/** What is there before the first step. */
interface Setting {
  readonly engine: Engine;
  readonly dataset: string;
  readonly train: Loader;
  readonly test: Loader;
  readonly trainer: Trainer;
  readonly log: History;
  readonly extras: Extras;
  readonly idleResidentBytes: number;
}

async function prepare(composed: Composed<TrainConfig>, folder: RunFolder, signal: AbortSignal): Promise<Setting> {
  const { config } = composed;
  // What cannot be built is said before data are looked for.
  assemble(config, knownSet(config.dataset));
  const engine = await startEngine(config);
  tell('engine', engineText(engine));
  const { dataset, message } = await openDataset(config, signal);
  const pictures = epochSize(config, dataset.train.size);
  if (endsWithOne(config, pictures)) throw lastBatchOfOne(pictures, config.train.batch);
  const { train, test } = loaders(config, dataset);
  tell('data', `${message}; ${share(pictures, dataset.train.size)} to train on, ${share(test.examples, dataset.test.size)} to test`);
  signal.throwIfAborted();
  const idleResidentBytes = process.memoryUsage().rss;
  const log = history({ name: config.run.name ?? 'run', label: labelOf(config) });
  const pictureKind = { classes: dataset.classes.length, imageShape: train.imageShape };
  const extras = extrasOf(config);
  const trainer = makeTrainer(composed, pictureKind, [
    extras.plugins,
    sinksOf(composed, folder),
    eventLog({ file: folder.file('events.jsonl'), header: headerOf(composed, engine, train.examples) }),
    config.profile && profiler(folder),
    log,
    saving(composed, folder),
  ]);
  fact('network', networkText(trainer));
  const chosen = trainer.loss?.describe?.(trainer.blocks.length);
  if (chosen !== undefined) fact('loss', chosen);
  tell('folder', folder.shown);
  return { engine, dataset: dataset.name, train, test, trainer, log, extras, idleResidentBytes };
}

/** Records three steps and tells of them when they are over. */
const profiler = (folder: RunFolder) =>
  profile({
    file: folder.file('profile.json'),
    onDone: (found, steps) => {
      notice(`\n${profileTable(found, steps)}\n`);
      fact('profile', `${shown(folder.file('profile.json'))}, for chrome://tracing or ui.perfetto.dev`);
    },
  });

const headerOf = ({ overrides, hash, config }: Composed<TrainConfig>, engine: Engine, examples: number) => ({
  overrides,
  configHash: hash,
  engine: engineText(engine),
  // For those who look on and want to know how far it is.
  plannedSteps: config.train.epochs * Math.ceil(examples / config.train.batch),
});

function makeTrainer({ config }: Composed<TrainConfig>, pictures: PictureKind, watchers: PluginOption): Trainer {
  const { loss, plugin, ...parts } = assemble(config, pictures);
  return createTrainer({
    ...parts,
    ...(loss === null ? {} : { loss }),
    plugins: [plugin, watchers],
    seed: config.seed,
    readEvery: config.train.readEvery,
  });
}

async function run(composed: Composed<TrainConfig>, setting: Setting, folder: RunFolder, signal: AbortSignal): Promise<RunResult> {
  const { trainer, log, train, test, extras, ...about } = setting;
  const { epochs } = composed.config.train;
  try {
    await trainer.fit(train, { epochs, evaluate: test, signal });
    // Before charts are drawn and weights are copied.
    const peakResidentBytes = process.resourceUsage().maxRSS * 1024;
    const summary = log.summary({ seed: composed.config.seed, interrupted: signal.aborted, peakResidentBytes });
    const pictures = { train: train.examples, test: test.examples };
    const result = resultOf({ ...about, composed, summary, epochs: log.epochs, trainer, folder, pictures });
    await write(composed, trainer, folder, result);
    if (extras.average !== null) await writeSafetensors(folder.file('average.safetensors'), extras.average.variables());
    return result;
  } finally {
    trainer.dispose();
    await Promise.all([train.close(), test.close()]);
  }
}

/** What stays of a run: weights, numbers, and a page about it. */
async function write({ hash, overrides, toYaml }: Composed<TrainConfig>, trainer: Trainer, folder: RunFolder, result: RunResult) {
  const { backbone, epoch } = trainer;
  const metadata = {
    backbone: backbone.name,
    classes: String(backbone.classes),
    dataset: result.dataset,
    epoch: String(epoch),
    config: hash,
  };
  await writeSafetensors(folder.file('weights.safetensors'), trainer.networkVariables(), metadata);
  await writeReport(folder.file('report.html'), {
    title: `${result.label}: ${networkName(result.backbone)} on ${dataName(result.dataset)}`,
    summary: resultText(result),
    runs: [result],
    configuration: toYaml(),
    environment: environment({
      command: ['man-reproduce train', ...overrides].join(' '),
      engine: result.engine ?? 'unknown',
      'configuration hash': hash,
    }),
    date: dateText(),
  });
  // Last: where it is, a run is finished.
  await writeSummary(folder.file('summary.json'), result);
}

function networkText(trainer: Trainer): string {
  const { network, auxiliary } = trainer.countParameters();
  const blocks = trainer.blocks.length;
  const local = auxiliary === 0 ? '' : `, and ${formatCount(auxiliary)} in training only`;
  return `${networkName(trainer.backbone.name)}, ${blocks} ${blocks === 1 ? 'block' : 'blocks'}; ${formatCount(network)} parameters${local}`;
}

/** A run in one line, and where its files are. */
function resultText(result: RunResult): string {
  const { testTop1, trainTop1, epochs, plannedEpochs, imagesPerSecond, peakTensorBytes, peakResidentBytes, idleResidentBytes } = result;
  const percent = (value: number | null) => (value === null ? 'not measured' : formatPercent(value));
  const above = peakResidentBytes === null ? Number.NaN : peakResidentBytes - idleResidentBytes;
  return [
    `${result.label}, ${epochs.length} of ${plannedEpochs} epochs${result.interrupted ? ' (stopped)' : ''}:`,
    `test top-1 ${percent(testTop1)}, train top-1 ${percent(trainTop1)},`,
    `${formatRate(imagesPerSecond ?? Number.NaN)}, peak memory ${formatBytes(peakTensorBytes ?? Number.NaN)} of tensors,`,
    `${formatBytes(above)} resident above idle.`,
  ].join(' ');
}
