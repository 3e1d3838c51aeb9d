import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadOptions, type DownloadProgress, download } from './download.ts';
import { type Behaviour, type FileServer, serveFile } from './testing/server.ts';

const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const checksum = { algorithm: 'md5', hex: createHash('md5').update(body).digest('hex') } as const;
let folder = '';
let file = '';
let servers: FileServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-download-'));
  file = join(folder, 'deep', 'set.tar.gz');
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
  rmSync(folder, { recursive: true, force: true });
});

async function serve(behaviour?: Behaviour, bytes = body): Promise<FileServer> {
  const server = await serveFile(bytes, behaviour);
  servers.push(server);
  return server;
}

const get = (server: { readonly url: string }, options: Partial<DownloadOptions> = {}) =>
  download({ url: server.url, file, checksum, retryDelayMs: 1, ...options });
const arrived = () => Buffer.compare(readFileSync(file), body) === 0;

describe('download', () => {
  it('puts the whole file in place, reports, leaves nothing else, and is done at once the second time', async () => {
    const server = await serve();
    const seen: DownloadProgress[] = [];
    expect(await get(server, { onProgress: (progress) => seen.push(progress) })).toBe(file);
    expect(arrived()).toBe(true);
    expect(readdirSync(join(folder, 'deep'))).toEqual(['set.tar.gz']);
    expect(seen.at(-1)).toEqual({ url: server.url, file, bytes: body.length, total: body.length });
    expect(seen.every(({ bytes }, i) => bytes >= (seen[i - 1]?.bytes ?? 0))).toBe(true);
    await get(server);
    expect(server.ranges).toHaveLength(1);
  });

  it('goes on where the connection broke, as often as it must', async () => {
    const server = await serve({ faults: [{ cutAfter: 100_000 }, { cutAfter: 70_000 }, { cutAfter: 50_000 }] });
    await get(server, { retries: 1 });
    expect(arrived()).toBe(true);
    expect(server.ranges).toEqual(['', 'bytes=100000-', 'bytes=170000-', 'bytes=220000-']);
  });

  it('goes on in a later process where an earlier one was stopped', async () => {
    const server = await serve({ faults: [{ cutAfter: 100_000 }] });
    await expect(get(server, { retries: 0 })).rejects.toMatchObject({
      code: 'MAN_DATA_BROKEN_OFF',
      hint: expect.stringContaining(`${file}.part`),
    });
    expect(existsSync(file)).toBe(false);
    await get(server);
    expect(server.ranges).toEqual(['', 'bytes=100000-']);
    expect(arrived()).toBe(true);
  });

  it('finishes a part that is whole already', async () => {
    const server = await serve();
    mkdirSync(join(folder, 'deep'));
    writeFileSync(`${file}.part`, body);
    writeFileSync(`${file}.part.json`, JSON.stringify({ url: server.url, validator: '"v1"' }));
    await get(server);
    expect(server.ranges).toEqual([`bytes=${body.length}-`]);
    expect(arrived()).toBe(true);
  });

  it.each([
    ['the server ignores Range', { range: false, faults: [{ cutAfter: 1000 }] }, ['', 'bytes=1000-']],
    ['the server names no version', { etag: null, faults: [{ cutAfter: 1000 }] }, ['', '']],
    ['the version is only weak', { etag: 'W/"v1"', faults: [{ cutAfter: 1000 }] }, ['', '']],
  ])('starts again where %s', async (_, behaviour: Behaviour, ranges) => {
    const server = await serve(behaviour);
    await get(server);
    expect(arrived()).toBe(true);
    expect(server.ranges).toEqual(ranges);
  });

  it('starts again when the file on the server has changed, or the part came from elsewhere', async () => {
    const server = await serve();
    for (const origin of [
      { url: server.url, validator: '"v0"' },
      { url: 'http://elsewhere/', validator: '"v1"' },
    ]) {
      mkdirSync(join(folder, 'deep'), { recursive: true });
      writeFileSync(`${file}.part`, new Uint8Array(5000));
      writeFileSync(`${file}.part.json`, JSON.stringify(origin));
      await get(server);
      expect(arrived()).toBe(true);
      rmSync(file);
    }
  });

  it('starts again when the earlier bytes were wrong ones', async () => {
    const server = await serve();
    mkdirSync(join(folder, 'deep'));
    writeFileSync(`${file}.part`, new Uint8Array(5000));
    writeFileSync(`${file}.part.json`, JSON.stringify({ url: server.url, validator: '"v1"' }));
    await get(server);
    expect(server.ranges).toEqual(['bytes=5000-', '']);
    expect(arrived()).toBe(true);
  });

  it('keeps nothing of a file with another checksum', async () => {
    const server = await serve({}, body.subarray(1));
    await expect(get(server)).rejects.toMatchObject({ code: 'MAN_DATA_CHECKSUM', message: expect.stringContaining(checksum.hex) });
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  });

  it('tries again after a server error, not after a refusal, and then the next mirror', async () => {
    const busy = await serve({ faults: [{ status: 503 }, { status: 429 }] });
    await get(busy);
    expect(busy.ranges).toHaveLength(3);
    rmSync(file);

    const absent = await serve({ faults: [{ status: 404 }, { status: 404 }] });
    await expect(get(absent)).rejects.toMatchObject({ code: 'MAN_DATA_HTTP', message: expect.stringContaining('404') });
    expect(absent.ranges).toHaveLength(1);
    await download({ url: [absent.url, busy.url], file, checksum, retryDelayMs: 1 });
    expect([absent.ranges.length, arrived()]).toEqual([2, true]);
  });

  it('gives a silent server up, and tries again', async () => {
    const server = await serve({ faults: [{ hang: true }] });
    await get(server, { stallMs: 200 });
    expect([server.ranges.length, arrived()]).toEqual([2, true]);
  });

  it('says, offline, which file to get from where and where to put it', async () => {
    const server = await serve();
    await server.close();
    const error = await get(server, { retries: 1 }).then(
      () => null,
      (failure: unknown) => failure as Error & { hint: string },
    );
    expect(error).toMatchObject({ code: 'MAN_DATA_OFFLINE', message: expect.stringContaining('set.tar.gz') });
    expect(error?.hint).toContain(server.url);
    expect(error?.hint).toContain(file);
    expect(readdirSync(join(folder, 'deep')).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  it('stops on a signal and keeps what is there', async () => {
    const server = await serve({ faults: [{ cutAfter: 100_000 }] });
    const stop = new AbortController();
    const work = get(server, { retryDelayMs: 60_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    await expect(work).rejects.toMatchObject({ code: 'MAN_DATA_ABORTED' });
    expect(readFileSync(`${file}.part`)).toHaveLength(100_000);
    await get(server);
    expect(server.ranges).toEqual(['', 'bytes=100000-']);
  });

  it.each([
    ['the folder is a file', () => writeFileSync(join(folder, 'deep'), ''), 'deep'],
    ['the part is a folder', () => mkdirSync(join(folder, 'deep', 'set.tar.gz.part'), { recursive: true }), 'set.tar.gz.part'],
  ])('names the disk where %s', async (_, prepare, name) => {
    prepare();
    const server = await serve();
    await expect(get(server)).rejects.toMatchObject({ code: 'MAN_DATA_DISK', message: expect.stringContaining(name) });
  });

  it('refuses a file larger than the disk before writing it', async () => {
    const claims = async () => new Response(new Uint8Array(10), { headers: { 'content-length': '1000000000000000' } });
    await expect(get({ url: 'http://127.0.0.1/big' }, { fetch: claims })).rejects.toMatchObject({ code: 'MAN_DATA_DISK_FULL' });
  });
});

describe('download by several at once', () => {
  it('gets the file once', async () => {
    const server = await serve({ faults: [{ cutAfter: 100_000 }] });
    expect(await Promise.all([get(server), get(server), get(server)])).toEqual([file, file, file]);
    expect(server.ranges).toHaveLength(2);
    expect(arrived()).toBe(true);
  });

  it('waits for a living owner of the lock only so long', async () => {
    const server = await serve();
    mkdirSync(join(folder, 'deep'));
    writeFileSync(`${file}.lock`, `${process.pid} ${hostname()}\n`);
    await expect(get(server, { lockTimeoutMs: 50 })).rejects.toMatchObject({ code: 'MAN_DATA_LOCKED' });
  });

  it('takes over from a process that is gone, and from a machine that shows no sign of life', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', 'console.log(process.pid)']);
    const server = await serve();
    mkdirSync(join(folder, 'deep'));
    for (const owner of [`${stdout.trim()} ${hostname()}\n`, '1 another-machine\n']) {
      writeFileSync(`${file}.lock`, owner);
      if (owner.startsWith('1 ')) utimesSync(`${file}.lock`, new Date(0), new Date(0));
      await get(server, { lockTimeoutMs: 500 });
      expect(arrived()).toBe(true);
      rmSync(file);
    }
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  });
});
