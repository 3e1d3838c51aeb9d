import { existsSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Checksum } from './checksum.ts';
import { aborted, diskError, diskFull, offline, wrongChecksum } from './errors.ts';
import { withLock } from './file-lock.ts';
import { openPart, type PartFile } from './part-file.ts';
import { TransferFailure, transfer } from './transfer.ts';

/** Where a download stands. */
export interface DownloadProgress {
  readonly url: string;
  readonly file: string;
  /** Bytes that are there, those of an earlier attempt included. */
  readonly bytes: number;
  /** Null while unknown. */
  readonly total: number | null;
}

/** What {@link download} can be told. */
export interface DownloadOptions {
  /** Where it comes from; of several, the next is tried when one fails. */
  readonly url: string | readonly string[];
  /** Where it goes; missing folders are made. */
  readonly file: string;
  /** Without it, only the length that the server tells is checked. */
  readonly checksum?: Checksum;
  /** Called at most ten times a second, and at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Further attempts after a failure, counted anew whenever bytes came; at most 2 where no connection is made. Default 4. */
  readonly retries?: number;
  /** Pause before the first further attempt; it doubles each time. Default 1,000. */
  readonly retryDelayMs?: number;
  /** An attempt without a byte for so long is given up. Default 30,000. */
  readonly stallMs?: number;
  /** How long to wait for another process that downloads the same file. Default one hour. */
  readonly lockTimeoutMs?: number;
  /** Stops it; what is there is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  /** Default: Node's own. Give one of your own for proxies or credentials. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * Gets a file, unless it is there: continues what an earlier attempt left, checks it while it comes, and puts it in place whole or not at all.
 *
 * While it comes it is `<file>.part`. Of several processes that want the same file one gets it and the others wait.
 *
 * @returns the absolute path of the file
 * @throws `MAN_DATA_OFFLINE`, `MAN_DATA_HTTP`, `MAN_DATA_BROKEN_OFF`, `MAN_DATA_CHECKSUM`, `MAN_DATA_DISK`, `MAN_DATA_DISK_FULL`,
 * `MAN_DATA_LOCKED`, `MAN_DATA_ABORTED`
 *
 * @example
 * ```ts
 * await download({
 *   url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
 *   file: 'data/cifar-10-binary.tar.gz',
 *   checksum: { algorithm: 'md5', hex: 'c32a1d4ab5d03f1284b67883e8d87530' },
 * });
 * ```
 */
export async function download(options: DownloadOptions): Promise<string> {
  const file = resolve(options.file);
  const urls = typeof options.url === 'string' ? [options.url] : options.url;
  if (existsSync(file)) return file;
  await mkdir(dirname(file), { recursive: true }).catch((cause: unknown) => {
    throw diskError('make the folder', dirname(file), cause);
  });
  try {
    await withLock(file, options.lockTimeoutMs ?? 3_600_000, options.signal, async () => {
      if (!existsSync(file)) await fromAny(urls, file, options);
    });
  } catch (error) {
    throw options.signal?.aborted === true ? aborted(urls[0] ?? '', error) : error;
  }
  return file;
}

async function fromAny(urls: readonly string[], file: string, options: DownloadOptions): Promise<void> {
  const algorithm = options.checksum?.algorithm ?? 'sha256';
  const part = await openPart(file, algorithm);
  try {
    let failure: unknown;
    for (const url of urls) {
      try {
        await fromOne(url, file, part, options);
        return;
      } catch (error) {
        failure = error;
        if (isDisk(error) || options.signal?.aborted === true) break;
      }
    }
    throw failure;
  } finally {
    await part.close();
  }
}

async function fromOne(url: string, file: string, part: PartFile, options: DownloadOptions): Promise<void> {
  const resumed = part.bytes > 0;
  await withRetries(url, file, part, options);
  const { checksum } = options;
  if (checksum !== undefined && part.digest() !== checksum.hex.toLowerCase()) {
    const found = part.digest();
    await part.restart({ url, validator: null });
    // The bytes of the earlier attempt may be the wrong ones: once more, from the start.
    if (resumed) return fromOne(url, file, part, options);
    await part.discard();
    throw wrongChecksum({ from: url, file, algorithm: checksum.algorithm, expected: checksum.hex.toLowerCase(), found });
  }
  await part.finish();
}

async function withRetries(url: string, file: string, part: PartFile, options: DownloadOptions): Promise<void> {
  const { retries = 4, retryDelayMs = 1000, stallMs = 30_000, signal, fetch = globalThis.fetch } = options;
  const report = reporter(url, file, part, options.onProgress);
  for (let failures = 0; ; ) {
    const before = part.bytes;
    try {
      await transfer({ url, file, part, fetch, signal, stallMs, onLength: (total) => checkRoom(file, part, total), onBytes: report });
      report(part.bytes, true);
      return;
    } catch (error) {
      if (!(error instanceof TransferFailure)) throw error;
      failures = part.bytes > before ? 1 : failures + 1;
      // Without a connection, waiting for long helps nobody.
      const allowed = error.stage === 'connect' ? Math.min(retries, 2) : retries;
      if (!error.again || failures > allowed || signal?.aborted === true) throw finalError(error, url, file);
      await sleep(retryDelayMs * 2 ** (failures - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}

function finalError(failure: TransferFailure, url: string, file: string): unknown {
  if (failure.stage !== 'connect') return failure.cause;
  const proxy = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].find((name) => process.env[name]);
  return offline({ url, file, cause: failure.cause, proxy: proxy ?? null });
}

async function checkRoom(file: string, part: PartFile, total: number | null): Promise<void> {
  if (total === null) return;
  // Where the system does not tell, the write will.
  const room = await statfs(dirname(file)).catch(() => null);
  const free = room === null ? Number.POSITIVE_INFINITY : room.bavail * room.bsize;
  if (free < total - part.bytes) throw diskFull(file, total - part.bytes, free);
}

function reporter(url: string, file: string, part: PartFile, onProgress: DownloadOptions['onProgress']) {
  let last = 0;
  return (total: number | null, always = false) => {
    const now = Date.now();
    if (onProgress === undefined || (!always && now - last < 100)) return;
    last = now;
    onProgress({ url, file, bytes: part.bytes, total });
  };
}

const isDisk = (error: unknown) => error instanceof Error && 'code' in error && String(error.code).startsWith('MAN_DATA_DISK');
