import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ByteSource, fileSource, memorySource } from './byte-source.ts';
import { verifyFile } from './checksum.ts';
import { dataFolder } from './data-folder.ts';
import { readPart } from './picture-source.ts';
import { readTarGz, unpackTarGz } from './unpack.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-files-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('ByteSource', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const sources: [string, () => Promise<ByteSource>][] = [
    ['memory', async () => memorySource(bytes)],
    [
      'a file',
      async () => {
        writeFileSync(join(folder, 'bytes'), bytes);
        return fileSource(join(folder, 'bytes'));
      },
    ],
  ];
  it.each(sources)('of %s reads any range, and none beyond the end', async (_, open) => {
    const source = await open();
    expect(source.size).toBe(100);
    expect([...(await source.read(10, 14))]).toEqual([10, 11, 12, 13]);
    expect([...(await source.read(100, 100))]).toEqual([]);
    for (const [start, end] of [
      [90, 101],
      [-1, 3],
      [5, 4],
    ] as const) {
      await expect(source.read(start, end)).rejects.toMatchObject({ code: 'MAN_DATA_RANGE' });
    }
    await source.close();
  });

  it('names a file that cannot be read, or has shrunk', async () => {
    await expect(fileSource(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'MAN_DATA_DISK',
      message: expect.stringContaining('absent'),
    });
    writeFileSync(join(folder, 'shrinks'), bytes);
    const source = await fileSource(join(folder, 'shrinks'));
    writeFileSync(join(folder, 'shrinks'), bytes.subarray(0, 50));
    await expect(source.read(40, 60)).rejects.toMatchObject({ code: 'MAN_DATA_RANGE' });
    await source.close();
  });
});

const pipes = spawnSync('mkfifo', ['--version']).status === 0;

describe.skipIf(!pipes)('what is no file (skipped without mkfifo)', () => {
  it('is refused at once, a pipe that nobody writes into too', async () => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    const refused = { code: 'MAN_DATA_DISK', message: expect.stringContaining('no file') };
    for (const path of [pipe, folder, '/dev/zero']) {
      await expect(fileSource(path)).rejects.toMatchObject(refused);
      await expect(readTarGz(path, () => {})).rejects.toMatchObject(refused);
      expect(() => readPart(path)).toThrow('no file');
    }
  });
});

describe('verifyFile', () => {
  it('compares with md5 and sha256', async () => {
    const file = join(folder, 'sum');
    writeFileSync(file, 'hello');
    const sum = (algorithm: 'md5' | 'sha256') => ({ algorithm, hex: createHash(algorithm).update('hello').digest('hex').toUpperCase() });
    await verifyFile(file, sum('md5'));
    await verifyFile(file, sum('sha256'));
    await expect(verifyFile(file, { algorithm: 'md5', hex: '00' })).rejects.toMatchObject({ code: 'MAN_DATA_CHECKSUM' });
  });
});

describe('dataFolder', () => {
  it('looks in the named folder, MAN_DATA_DIR, the cache, and writes to the first', () => {
    expect(dataFolder({ dataDir: 'here', env: { MAN_DATA_DIR: '/data', XDG_CACHE_HOME: '/cache' } })).toEqual({
      search: [resolve('here'), '/data', '/cache/man/data'],
      write: resolve('here'),
    });
    expect(dataFolder({ env: { MAN_DATA_DIR: '/data', XDG_CACHE_HOME: '/cache' } }).write).toBe('/data');
    expect(dataFolder({ env: { MAN_DATA_DIR: '', XDG_CACHE_HOME: 'relative' } }).search).toEqual([
      join(homedir(), '.cache', 'man', 'data'),
    ]);
    expect(dataFolder({ dataDir: '/data', env: { MAN_DATA_DIR: '/data/' } }).search).toHaveLength(2);
  });
});

type Entry = Parameters<ReturnType<typeof pack>['entry']>[0];

async function archive(name: string, entries: readonly [Entry, string?][]): Promise<string> {
  const tar = pack();
  for (const [header, text] of entries) tar.entry(header, text ?? '');
  tar.finalize();
  const file = join(folder, name);
  writeFileSync(file, gzipSync(await buffer(tar as unknown as AsyncIterable<Uint8Array>)));
  return file;
}

describe('readTarGz, unpackTarGz', () => {
  const good: [Entry, string?][] = [
    [{ name: 'set/', type: 'directory' }],
    [{ name: 'set/a.txt' }, 'first'],
    [{ name: 'set/deep/b.txt' }, 'second'],
  ];

  it('go through the files in order, skipping what is not wanted', async () => {
    const file = await archive('good.tar.gz', good);
    const seen: [string, string][] = [];
    await readTarGz(file, async (entry) => void seen.push([entry.name, Buffer.from(await entry.bytes()).toString()]));
    expect(seen).toEqual([
      ['set/a.txt', 'first'],
      ['set/deep/b.txt', 'second'],
    ]);
    const names: string[] = [];
    await readTarGz(file, (entry) => void names.push(entry.name), { filter: (name) => name.endsWith('b.txt') });
    expect(names).toEqual(['set/deep/b.txt']);
  });

  it('unpack whole, below a stripped folder, and not again', async () => {
    const file = await archive('good.tar.gz', good);
    const target = join(folder, 'out', 'set');
    expect(await unpackTarGz(file, target, { strip: 1 })).toBe(target);
    expect(readFileSync(join(target, 'deep', 'b.txt'), 'utf8')).toBe('second');
    writeFileSync(join(target, 'a.txt'), 'mine');
    await unpackTarGz(file, target, { strip: 1 });
    expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(join(folder, 'out'))).toEqual(['set']);
  });

  it('let several processes unpack at once', async () => {
    const file = await archive('good.tar.gz', good);
    const target = join(folder, 'many', 'set');
    await Promise.all([1, 2, 3].map(() => unpackTarGz(file, target)));
    expect(readdirSync(join(folder, 'many'))).toEqual(['set']);
    expect(readFileSync(join(target, 'set', 'a.txt'), 'utf8')).toBe('first');
  });

  it.each<[string, Entry]>([
    ['..', { name: 'set/../../evil' }],
    ['absolute', { name: '/etc/evil' }],
    ['absolute', { name: 'C:\\evil' }],
    ['symlink', { name: 'set/link', type: 'symlink', linkname: '/etc' }],
    ['link', { name: 'set/link', type: 'link', linkname: 'set/a.txt' }],
    ['fifo', { name: 'set/pipe', type: 'fifo' }],
  ])('refuse an entry that is unsafe (%s), leaving nothing', async (problem, entry) => {
    const file = await archive('unsafe.tar.gz', [...good, [entry]]);
    const target = join(folder, 'unsafe', 'set');
    await expect(unpackTarGz(file, target)).rejects.toMatchObject({
      code: 'MAN_DATA_UNSAFE_ARCHIVE',
      message: expect.stringContaining(problem),
    });
    expect(readdirSync(join(folder, 'unsafe'))).toEqual([]);
  });

  it('refuse more bytes than allowed, by what the archive announces', async () => {
    const file = await archive('large.tar.gz', [[{ name: 'zeros' }, '\0'.repeat(1_000_000)]]);
    await expect(unpackTarGz(file, join(folder, 'large'), { maxBytes: 999_999 })).rejects.toMatchObject({
      code: 'MAN_DATA_UNSAFE_ARCHIVE',
    });
    expect(existsSync(join(folder, 'large'))).toBe(false);
  });

  it('refuse zeros without end around the files, and sizes that are none', async () => {
    const file = await archive('bomb.tar.gz', good);
    const plain = gunzipSync(readFileSync(file));
    writeFileSync(file, gzipSync(Buffer.concat([plain, Buffer.alloc(4_000_000)])));
    await expect(readTarGz(file, () => {}, { maxBytes: 1e6 })).rejects.toMatchObject({
      code: 'MAN_DATA_UNSAFE_ARCHIVE',
      message: expect.stringContaining('unpacks to far more than the 1000000 bytes'),
    });
    // A size in binary that is neither positive nor negative.
    const header = plain.subarray(512, 1024).fill(0x81, 124, 136).fill(0x20, 148, 156);
    header.write(
      `${header
        .reduce((a, b) => a + b, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
      'latin1',
    );
    writeFileSync(file, gzipSync(plain));
    await expect(readTarGz(file, () => {})).rejects.toMatchObject({ message: expect.stringContaining('a size of null') });
  });

  it.each([
    ['is cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 30)],
    ['is no gzip', () => Buffer.from('<html>please log in</html>')],
    ['holds no tar', () => gzipSync(Buffer.alloc(2000, 'x'))],
  ])('say so when the archive %s', async (_, change) => {
    const file = await archive('broken.tar.gz', good);
    writeFileSync(file, change(readFileSync(file)));
    await expect(unpackTarGz(file, join(folder, 'broken'))).rejects.toMatchObject({ code: 'MAN_DATA_BROKEN_ARCHIVE' });
    expect(existsSync(join(folder, 'broken'))).toBe(false);
  });

  it('pass on a fault of the visitor, and name an archive that is not there', async () => {
    const file = await archive('good.tar.gz', good);
    await expect(
      readTarGz(file, () => {
        throw new RangeError('mine');
      }),
    ).rejects.toThrow(RangeError);
    await expect(readTarGz(join(folder, 'absent.tar.gz'), () => {})).rejects.toMatchObject({ code: 'MAN_DATA_DISK' });
  });
});
