import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Composed } from '@man/config';
import type { Check, Verification, VerifyOptions, VerifyProgress } from '@man/data';
import { verifyCifar10, verifyCifar100 } from '@man/dataset-cifar10';
import { verifyImagenet } from '@man/dataset-imagenet';
import { verifyStl10 } from '@man/dataset-stl10';
import { verifySvhn } from '@man/dataset-svhn';
import { atomicWrite, formatBytes } from '@man/track';
import { contactSheet } from './contact-sheet.ts';
import { openDataset, showIndex } from './data.ts';
import { nothingToVerify, outputFailed } from './errors.ts';
import type { TrainConfig } from './schema/index.ts';
import { listenForStop } from './stop.ts';
import { fact, notice, paint, passing } from './terminal.ts';

type DatasetConfig = TrainConfig['dataset'];

/** For every set with files, what compares them with what was published. */
const VERIFIERS: Readonly<Partial<Record<DatasetConfig['type'], (options: VerifyOptions, set: DatasetConfig) => Promise<Verification>>>> = {
  auto: (options) => verifyCifar10(options),
  cifar10: (options, set) => verifyCifar10({ ...options, ...(set.type === 'cifar10' ? { layout: set.layout } : {}) }),
  cifar100: (options, set) => verifyCifar100({ ...options, ...(set.type === 'cifar100' ? { layout: set.layout } : {}) }),
  svhn: (options) => verifySvhn(options),
  stl10: (options) => verifyStl10(options),
  imagenet: (options, set) =>
    verifyImagenet({ ...options, onIndex: showIndex, ...(set.type === 'imagenet' ? { layout: set.layout } : {}) }),
};

/**
 * `man-reproduce data verify`: compares a data set on disk with what was published.
 *
 * @returns the exit code: 0 when all agrees, 1 when something differs, 130 or 143 when it was stopped
 */
export async function verifyData({ config }: Composed<TrainConfig>, { json }: { readonly json: boolean }): Promise<number> {
  const verify = VERIFIERS[config.dataset.type];
  if (verify === undefined) throw nothingToVerify(config.dataset.type);
  const stop = listenForStop();
  try {
    const options = {
      dataDir: config.data.dir ?? undefined,
      signal: stop.signal,
      onProgress: showProgress,
      onCheck: json ? undefined : showCheck,
    };
    const { dataset, path, checks } = await verify(options, config.dataset);
    const wrong = checks.filter(({ isRight }) => !isRight).length;
    const isRight = wrong === 0;
    if (json) process.stdout.write(`${JSON.stringify({ dataset, path, isRight, checks })}\n`);
    else
      process.stdout.write(
        `${path}: ${isRight ? `as published (${checks.length} checks)` : `${wrong} of ${checks.length} checks differ from what was published`}\n`,
      );
    return isRight ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    notice('Stopped before all was checked.');
    return stop.exitCode();
  } finally {
    stop.dispose();
  }
}

function showProgress({ file, bytes, total }: VerifyProgress): void {
  // Off a terminal only the end of each file is worth a line, and its check says that.
  if (process.stderr.isTTY === true) passing(`reading ${file}: ${formatBytes(bytes)} of ${formatBytes(total)}`);
}

function showCheck({ subject, expected, found, isRight }: Check): void {
  if (process.stderr.isTTY === true) passing('');
  const mark = isRight ? paint.green('right') : paint.red('wrong');
  notice(`${mark}  ${subject}: ${isRight ? found : `expected ${expected}, found ${found}`}`);
}

/** What `data show` can be told. */
export interface ShowOptions {
  readonly json: boolean;
  /** The page to write. */
  readonly out: string;
  /** Pictures of each batch that is drawn. */
  readonly pictures: number;
}

/**
 * `man-reproduce data show`: a page with batches as the network sees them.
 *
 * @returns the exit code: 0, or 130 or 143 when it was stopped
 */
export async function showData({ config, toYaml }: Composed<TrainConfig>, { json, out, pictures }: ShowOptions): Promise<number> {
  const stop = listenForStop();
  try {
    const { dataset, message } = await openDataset(config, stop.signal);
    fact('data', message);
    const { html, drawn } = await contactSheet({ dataset, config, pictures, message, configuration: toYaml() });
    stop.signal.throwIfAborted();
    const file = resolve(out);
    await atomicWrite(file, html).catch((cause: unknown) => {
      throw outputFailed(file, cause);
    });
    process.stdout.write(
      json ? `${JSON.stringify({ dataset: dataset.name, out: file, pictures: drawn })}\n` : `${pathToFileURL(file).href}\n`,
    );
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    notice('Stopped; nothing was written.');
    return stop.exitCode();
  } finally {
    stop.dispose();
  }
}
