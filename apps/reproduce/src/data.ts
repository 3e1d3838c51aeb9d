import { isManError, type ManError } from '@man/base';
import type { Dataset, DownloadProgress, LoaderOptions } from '@man/data';
import { cifar10 } from '@man/dataset-cifar10';
import { shapes } from '@man/dataset-shapes';
import { formatBytes, formatCount } from '@man/track';
import type { TrainConfig } from './schema/index.ts';
import { passing } from './terminal.ts';

/** A data set, and which one it is and why, in one line. */
export interface OpenedData {
  readonly dataset: Dataset;
  readonly message: string;
}

/** How long a connection may take where the data set is optional. */
const CONNECT_MS = 5000;

type DataConfig = Pick<TrainConfig, 'dataset' | 'data'>;

/**
 * Opens the data set of a configuration. `auto` takes CIFAR-10 where it is found or can be downloaded, else shapes; files that are found
 * and cannot be read are an error, since somebody put them there.
 *
 * @throws `MAN_CIFAR10_*`, `MAN_DATA_*`, `MAN_SHAPES_OPTION`
 */
export async function openDataset({ dataset: options, data }: DataConfig, signal: AbortSignal): Promise<OpenedData> {
  if (options.type === 'shapes') {
    const { type, ...rest } = options;
    return { dataset: shapes(rest), message: 'shapes, generated pictures' };
  }
  if (options.type === 'auto') return openAny(data, signal);
  const { layout, verify, mirror } = options;
  const dataset = await openCifar10(data, { layout, verify, ...(mirror === null ? {} : { mirror }), signal });
  return { dataset, message: 'CIFAR-10' };
}

async function openAny(data: TrainConfig['data'], signal: AbortSignal): Promise<OpenedData> {
  const patience = impatientFetch();
  try {
    const options = { fetch: patience.fetch, signal: AbortSignal.any([signal, patience.signal]) };
    return { dataset: await openCifar10(data, options), message: 'CIFAR-10' };
  } catch (error) {
    if (signal.aborted || !isAbsence(error)) throw error;
    const why = patience.reason() ?? error.message;
    return { dataset: shapes(), message: `shapes, generated pictures, since CIFAR-10 is not here: ${firstLine(why)}` };
  }
}

function openCifar10({ dir, download }: TrainConfig['data'], options: NonNullable<Parameters<typeof cifar10>[0]>): Promise<Dataset> {
  return cifar10({ ...options, download, onProgress: showDownload, ...(dir === null ? {} : { dataDir: dir }) });
}

/** Whether the set is not there and could not be got, as opposed to being there and broken. */
function isAbsence(error: unknown): error is ManError {
  return isManError(error) && (error.code === 'MAN_CIFAR10_NOT_FOUND' || error.code.startsWith('MAN_DATA_'));
}

/** A fetch that gives up, and all further attempts with it, when no answer comes soon. */
function impatientFetch() {
  const giveUp = new AbortController();
  let reason: string | null = null;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
    try {
      const signals = [late.signal, ...(init?.signal ? [init.signal] : [])];
      return await globalThis.fetch(input, { ...init, signal: AbortSignal.any(signals) });
    } catch (error) {
      const under = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      reason = `its server could not be reached (${under instanceof Error ? under.message : String(under)})`;
      giveUp.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  return { fetch, signal: giveUp.signal, reason: () => reason };
}

function showDownload({ bytes, total }: DownloadProgress): void {
  const share = total === null ? '' : ` of ${formatBytes(total)}`;
  passing(`downloading CIFAR-10: ${formatBytes(bytes)}${share}`, bytes === total);
}

const firstLine = (text: string) => text.split('\n')[0] as string;

/** What both loaders of a run are told. */
export function loaderOptions({ data, seed }: Pick<TrainConfig, 'data' | 'seed'>): Pick<LoaderOptions, 'seed' | 'workers' | 'prefetch'> {
  return { seed, prefetch: data.prefetch, ...(data.workers === null ? {} : { workers: data.workers }) };
}

/** `2,500 of 50,000 pictures`. */
export function share(used: number, all: number): string {
  return used < all ? `${formatCount(used)} of ${formatCount(all)} pictures` : `${formatCount(all)} pictures`;
}
