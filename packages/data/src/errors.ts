import { ManError } from '@man/base';

export const invalidOption = (name: string, expected: string, got: unknown) =>
  new ManError(`loader option ${name}: expected ${expected}, got ${display(got)}`, {
    code: 'MAN_DATA_OPTION',
    hint: `set ${name} to ${expected}`,
  });

export const invalidSplit = (split: string, problem: string) =>
  new ManError(`data set split '${split}': ${problem}`, {
    code: 'MAN_DATA_SPLIT',
    hint: 'a split holds one uint8 picture of imageShape and one label per example; see ImageSplit in @man/data',
  });

export const imageUnreadable = (split: string, name: string, cause: unknown) =>
  new ManError(`picture ${name} of '${split}' could not be read: ${reason(cause)}`, {
    code: 'MAN_DATA_IMAGE',
    hint: "repair or replace the file it comes from, or leave such pictures out: unreadable: 'skip'",
    cause,
  });

export const workerMissing = (file: string) =>
  new ManError(`the worker thread's program is not there: ${file}`, {
    code: 'MAN_DATA_WORKER_MISSING',
    hint: 'build @man/data (a bundler must keep augment-worker.js beside it), or set workers: 0 for the same batches without threads',
  });

export const workerFailed = (cause: unknown, picture: string | null) =>
  new ManError(`a worker thread that prepares batches failed${picture === null ? '' : ` at picture ${picture}`}: ${reason(cause)}`, {
    code: 'MAN_DATA_WORKER_FAILED',
    hint:
      picture === null
        ? 'run again with workers: 0, which prepares the same batches without threads and shows where it fails'
        : 'look at that picture; run again with workers: 0, which prepares the same batches without threads',
    cause,
  });

export const loaderClosed = () =>
  new ManError('the loader was closed: it gives no more batches', {
    code: 'MAN_DATA_CLOSED',
    hint: 'close a loader after its last epoch, or create another one',
  });

export const offline = (get: { url: string; file: string; cause: unknown; proxy: string | null }) =>
  new ManError(`could not reach ${host(get.url)} for ${baseName(get.file)}: ${reason(get.cause)}`, {
    code: 'MAN_DATA_OFFLINE',
    hint:
      `on a computer with a connection get ${get.url} and put it here: ${get.file}` +
      (get.proxy === null
        ? ''
        : ` (${get.proxy} is set, which Node heeds from version 22.21 on with NODE_USE_ENV_PROXY=1; before, pass download() a fetch of your own)`),
    cause: get.cause,
  });

export const httpStatus = (url: string, file: string, status: string) =>
  new ManError(`${url} answered ${status}, expected 200 or 206`, {
    code: 'MAN_DATA_HTTP',
    hint: `name another mirror, or get the file by hand and put it here: ${file}`,
  });

export const broken = (url: string, file: string, problem: string, cause?: unknown) =>
  new ManError(`the download of ${url} broke off: ${problem}`, {
    code: 'MAN_DATA_BROKEN_OFF',
    hint: `run it again to go on from what is there (${file}.part)`,
    cause,
  });

export const wrongChecksum = (check: { from: string; file: string; algorithm: string; expected: string; found: string }) =>
  new ManError(`${check.from}: expected ${check.algorithm} ${check.expected}, found ${check.found}`, {
    code: 'MAN_DATA_CHECKSUM',
    hint: `it is not the published file, or was changed on its way; nothing was kept. Name another mirror, or put the right file here: ${check.file}`,
  });

export const diskError = (doing: string, file: string, cause: unknown) =>
  new ManError(`could not ${doing} ${file}: ${reason(cause)}`, {
    code: 'MAN_DATA_DISK',
    hint: 'check that the folder exists, is writable and has room, or choose another one (--data, MAN_DATA_DIR)',
    cause,
  });

export const diskFull = (file: string, needed: number, free: number) =>
  new ManError(`${file} needs ${megabytes(needed)} MB, and there are ${megabytes(free)} MB left on its disk`, {
    code: 'MAN_DATA_DISK_FULL',
    hint: 'make room, or choose another folder (--data, MAN_DATA_DIR)',
  });

export const locked = (file: string, lock: string, owner: string) =>
  new ManError(`${file} is being downloaded by another process (${owner}), which has made no end of it`, {
    code: 'MAN_DATA_LOCKED',
    hint: `wait for it, or delete ${lock} if no such process runs`,
  });

export const aborted = (url: string, cause: unknown) =>
  new ManError(`the download of ${url} was stopped`, {
    code: 'MAN_DATA_ABORTED',
    hint: 'run it again to go on from what is there',
    cause,
  });

export const unsafeEntry = (archive: string, entry: string, problem: string) => unsafeArchive(archive, `entry '${entry}' ${problem}`);

export const unsafeArchive = (archive: string, problem: string) =>
  new ManError(`${archive}: ${problem}`, {
    code: 'MAN_DATA_UNSAFE_ARCHIVE',
    hint: 'archives of data sets hold plain files below one folder; get it from its official source',
  });

export const brokenArchive = (archive: string, cause: unknown) =>
  new ManError(`${archive} is not a whole .tar.gz archive: ${reason(cause)}`, {
    code: 'MAN_DATA_BROKEN_ARCHIVE',
    hint: 'delete it and get it again',
    cause,
  });

export const outOfRange = (name: string, start: number, end: number, size: number) =>
  new ManError(`${name}: bytes ${start} to ${end} were asked for, it has ${size}`, {
    code: 'MAN_DATA_RANGE',
    hint: 'the file is shorter than its format says; get it again',
  });

export const badParquet = (file: string, problem: string, cause?: unknown) =>
  new ManError(`${file}: ${problem}`, {
    code: 'MAN_DATA_PARQUET',
    hint: 'the file is damaged or no parquet file; get it again',
    cause,
  });

export const badMat = (file: string, at: number, problem: string, cause?: unknown) =>
  new ManError(`${file}: at byte ${at}, ${problem}`, {
    code: 'MAN_DATA_MAT',
    hint: 'the file is damaged or no MATLAB file of version 5; get it again',
    cause,
  });

function display(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/** The words of an error, and of the one underneath: fetch says only "fetch failed" itself. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const under = error.cause instanceof Error ? error.cause : null;
  if (under === null) return error.message;
  return `${error.message} (${under.message || (under as NodeJS.ErrnoException).code || under.name})`;
}

const host = (url: string) => (URL.canParse(url) ? new URL(url).host : url);
const baseName = (file: string) => file.split(/[\\/]/).at(-1);
const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
