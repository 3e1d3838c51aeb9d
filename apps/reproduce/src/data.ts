import { isManError, type ManError } from '@man/base';
import { type Dataset, type DownloadProgress, evaluationLoader, type Loader, type LoaderOptions, trainingLoader } from '@man/data';
import { cifar10, cifar100 } from '@man/dataset-cifar10';
import { type IndexProgress, imagenet } from '@man/dataset-imagenet';
import { shapes } from '@man/dataset-shapes';
import { stl10 } from '@man/dataset-stl10';
import { svhn } from '@man/dataset-svhn';
import { formatBytes, formatCount } from '@man/track';
import { knownSet } from './known-sets.ts';
import type { TrainConfig } from './schema/index.ts';
import { notice, passing } from './terminal.ts';

/** A data set, and which one it is and why, in one line. */
export interface OpenedData {
  readonly dataset: Dataset;
  readonly message: string;
}

/** How long a connection may take where the data set is optional. */
const CONNECT_MS = 5000;

type DataConfig = Pick<TrainConfig, 'dataset' | 'data'>;
type DatasetConfig = TrainConfig['dataset'];

/** What every set is told of where it is. */
interface Source {
  readonly dataDir: string | undefined;
  readonly download: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/** For every `dataset.type` but `auto`, what opens it. */
const OPENERS: {
  readonly [T in Exclude<DatasetConfig['type'], 'auto'>]: (
    options: Extract<DatasetConfig, { readonly type: T }>,
    source: Source,
  ) => Dataset | Promise<Dataset>;
} = {
  cifar10: ({ layout, verify, mirror }, source) => cifar10({ ...source, layout, verify, mirror: mirror ?? undefined }),
  cifar100: ({ labels, layout, verify, mirror }, source) => cifar100({ ...source, labels, layout, verify, mirror: mirror ?? undefined }),
  svhn: ({ extra, mirror }, source) => svhn({ ...source, extra: extra ? 'joined' : 'none', mirror: mirror ?? undefined }),
  stl10: ({ fold, mirror }, source) => stl10({ ...source, fold: fold ?? undefined, mirror: mirror ?? undefined }),
  imagenet: ({ layout, size, resize }, { dataDir, signal }) =>
    imagenet({ dataDir, signal, layout, size, resize: resize ?? undefined, onIndex: showIndex }),
  shapes: ({ type, ...options }) => shapes(options),
};

/**
 * Opens the data set of a configuration. `auto` takes CIFAR-10 where it is found or can be downloaded, else shapes; files that are found
 * and cannot be read are an error, since somebody put them there.
 *
 * @throws the errors of the data set's package, `MAN_DATA_*`
 */
export async function openDataset({ dataset: options, data }: DataConfig, signal: AbortSignal): Promise<OpenedData> {
  if (options.type === 'auto') return openAny(data, signal);
  const { title } = knownSet(options);
  const open = OPENERS[options.type] as (options: DatasetConfig, source: Source) => Dataset | Promise<Dataset>;
  const dataset = await open(options, sourceOf(data, signal, title));
  return { dataset, message: options.type === 'shapes' ? 'shapes, generated pictures' : title };
}

function sourceOf({ dir, download }: TrainConfig['data'], signal: AbortSignal, title: string): Source {
  return { dataDir: dir ?? undefined, download, signal, onProgress: (progress) => showDownload(title, progress) };
}

async function openAny(data: TrainConfig['data'], signal: AbortSignal): Promise<OpenedData> {
  const patience = impatientFetch();
  try {
    const source = sourceOf(data, AbortSignal.any([signal, patience.signal]), 'CIFAR-10');
    return { dataset: await cifar10({ ...source, fetch: patience.fetch }), message: 'CIFAR-10' };
  } catch (error) {
    if (signal.aborted || !isAbsence(error)) throw error;
    const why = patience.reason() ?? error.message;
    return { dataset: shapes(), message: `shapes, generated pictures, since CIFAR-10 is not here: ${firstLine(why)}` };
  }
}

/** Whether the set is not there and could not be got, as opposed to being there and broken. */
function isAbsence(error: unknown): error is ManError {
  return (
    isManError(error) &&
    (error.code === 'MAN_CIFAR10_NOT_FOUND' || (error.code.startsWith('MAN_DATA_') && error.code !== 'MAN_DATA_PARQUET'))
  );
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

function showDownload(title: string, { bytes, total }: DownloadProgress): void {
  const share = total === null ? '' : ` of ${formatBytes(total)}`;
  passing(`downloading ${title}: ${formatBytes(bytes)}${share}`, bytes === total);
}

/** Shows how far the index of an archive is; it is built once. */
export function showIndex({ file, bytes, total, pictures }: IndexProgress): void {
  const at = `${formatBytes(bytes)} of ${formatBytes(total)}, ${formatCount(pictures)} pictures`;
  passing(`indexing ${file}, once: ${at}`, bytes === total);
}

const firstLine = (text: string) => text.split('\n')[0] as string;

/** What both loaders of a run are told. */
export function loaderOptions({
  data,
  seed,
}: Pick<TrainConfig, 'data' | 'seed'>): Pick<LoaderOptions, 'seed' | 'workers' | 'prefetch' | 'unreadable' | 'onUnreadable'> {
  const { workers, prefetch, unreadable } = data;
  const told = new Set<string>();
  const onUnreadable: NonNullable<LoaderOptions['onUnreadable']> = ({ name, reason }) => {
    if (told.has(name)) return;
    told.add(name);
    notice(`left out: ${name}: ${reason}`);
  };
  return { seed, prefetch, unreadable, onUnreadable, ...(workers === null ? {} : { workers }) };
}

/** What a run trains on, and what it is tested on. Both are the caller's to close. */
export function loaders(config: TrainConfig, dataset: Dataset): { readonly train: Loader; readonly test: Loader } {
  const { batch, limit, dropLast } = config.train;
  const options = loaderOptions(config);
  const limited = (pictures: number | null) => (pictures === null ? {} : { limit: pictures });
  return {
    train: trainingLoader(dataset, { ...options, batch, dropLast, ...limited(limit) }),
    test: evaluationLoader(dataset, { ...options, batch: config.test.batch ?? batch, ...limited(config.test.limit) }),
  };
}

/** `2,500 of 50,000 pictures`. */
export function share(used: number, all: number): string {
  return used < all ? `${formatCount(used)} of ${formatCount(all)} pictures` : `${formatCount(all)} pictures`;
}
