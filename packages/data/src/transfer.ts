import { isManError } from '@man/base';
import { broken, httpStatus } from './errors.ts';
import type { PartFile } from './part-file.ts';

/** How one request went wrong, and whether another one may do better. */
export class TransferFailure extends Error {
  constructor(
    /** `connect`: no answer at all; `answer`: not the one hoped for; `body`: it broke off. */
    readonly stage: 'connect' | 'answer' | 'body',
    readonly again: boolean,
    override readonly cause: unknown,
  ) {
    super(stage);
  }
}

/** What a request needs. */
export interface Transfer {
  readonly url: string;
  readonly file: string;
  readonly part: PartFile;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal | undefined;
  readonly stallMs: number;
  /** Once per answer, before anything is written. */
  onLength(total: number | null): Promise<void>;
  onBytes(total: number | null): void;
}

/**
 * One request that brings the part to its end: from its start, or from where it stands if the server still has the same file.
 *
 * @throws TransferFailure; `MAN_DATA_DISK` passes through
 */
export async function transfer(work: Transfer): Promise<void> {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`no byte came for ${work.stallMs / 1000} s`)), work.stallMs);
  const signal = work.signal === undefined ? stall.signal : AbortSignal.any([work.signal, stall.signal]);
  try {
    const response = await request(work, signal);
    const total = await placeFor(work, response);
    if (total === 'complete') return;
    await work.onLength(total);
    await receive(work, response, total, () => timer.refresh());
  } finally {
    clearTimeout(timer);
    // Lets go of a body that nobody reads to its end.
    stall.abort();
  }
}

async function request({ url, part, fetch }: Transfer, signal: AbortSignal): Promise<Response> {
  // Compression on the way would make lengths and ranges those of other bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (part.bytes > 0 && part.origin?.url === url && part.origin.validator !== null) {
    headers.range = `bytes=${part.bytes}-`;
    headers['if-range'] = part.origin.validator;
  }
  try {
    return await fetch(url, { headers, signal, redirect: 'follow' });
  } catch (cause) {
    throw new TransferFailure('connect', true, signal.aborted ? signal.reason : cause);
  }
}

/** Makes the part ready for the answer's bytes; returns the whole file's size, if the server tells. */
async function placeFor({ url, file, part }: Transfer, response: Response): Promise<number | null | 'complete'> {
  const { status, headers } = response;
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const total = range?.[2] === undefined || range[2] === '*' ? null : Number(range[2]);
  const etag = headers.get('etag');
  const tag = etag?.startsWith('"') === true ? etag : null;
  // Some servers heed Range and not If-Range: their tag then tells that this is the middle of another file.
  const other = tag !== null && part.origin?.validator?.startsWith('"') === true && part.origin.validator !== tag;
  if (status === 206 && Number(range?.[1]) === part.bytes && !other) return total;
  if (status === 416 && total === part.bytes) return 'complete';
  if (status === 206 || status === 416) {
    await part.restart({ url, validator: null });
    throw new TransferFailure('answer', true, httpStatus(url, file, `${status} with another range than was asked for`));
  }
  if (status !== 200) {
    const again = status >= 500 || status === 429 || status === 408;
    throw new TransferFailure('answer', again, httpStatus(url, file, `${status} ${response.statusText}`.trim()));
  }
  await part.restart({ url, validator: tag ?? headers.get('last-modified') });
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? null : Number(length);
}

async function receive({ url, file, part, onBytes }: Transfer, response: Response, total: number | null, alive: () => void): Promise<void> {
  try {
    for await (const chunk of response.body ?? []) {
      alive();
      await part.append(chunk as Uint8Array);
      onBytes(total);
    }
  } catch (cause) {
    if (isManError(cause)) throw cause;
    throw new TransferFailure('body', true, broken(url, file, `after ${part.bytes} of ${total ?? '?'} bytes`, cause));
  }
  if (total !== null && part.bytes !== total) {
    if (part.bytes > total) await part.restart({ url, validator: null });
    throw new TransferFailure('body', true, broken(url, file, `${part.bytes} of ${total} bytes came`));
  }
}
