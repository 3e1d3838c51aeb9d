import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseArguments } from './cli-arguments.ts';
import { compilerArguments } from './compile.ts';
import { pipArguments, requirementLines } from './download.ts';
import { diskFull } from './errors.ts';
import { lastingPart, requireRoom, writeFileAtomically, writingTo } from './files.ts';
import { withLock } from './lock.ts';
import { cacheRoot, frameworkName, libraryNames } from './platform.ts';
import { runTool } from './run-tool.ts';
import { findPackage } from './tfjs-package.ts';
import { libraryFor, SUPPORTED_PLATFORMS } from './wheels.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'man-parts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('wheels', () => {
  it('pins every file of every library by content', () => {
    const libraries = SUPPORTED_PLATFORMS.map((platform) => libraryFor(platform, 'cpu')).concat(libraryFor('linux-x64', 'gpu'));
    for (const library of libraries) {
      expect(library?.platforms.length).toBeGreaterThan(0);
      for (const line of requirementLines(library!).trim().split('\n'))
        expect(line).toMatch(/^[a-z0-9-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}$/);
    }
    expect(new Set(libraryFor('linux-x64', 'gpu')?.wheels.map(({ sha256 }) => sha256)).size).toBe(13);
  });

  it('asks pip for the platform of the library whatever Python runs it', () => {
    const args = pipArguments(libraryFor('linux-arm64', 'cpu')!, 'r.txt', 'out').join(' ');
    expect(args).toContain('--implementation cp --python-version 3.11 --abi cp311 --platform manylinux2014_aarch64 -r r.txt -d out');
    expect(args).toContain('--require-hashes');
  });
});

describe('compilerArguments', () => {
  const target = { dir: '/p', name: '', version: '', napi: 8, addon: '', link: '', stamp: '' };
  const library = { dir: '/lib dir', include: '/lib dir/include' };

  it('links by exact name and finds the library through the package, on Linux', () => {
    const args = compilerArguments(target, library, libraryNames('linux')[0], 'out.node', 'linux');
    expect(args).toEqual(
      expect.arrayContaining(['-shared', '-L/lib dir', '-l:libtensorflow_cc.so.2', '-Wl,-rpath,$ORIGIN/../../deps/lib']),
    );
  });

  it('makes a bundle that loads from the package, on macOS', () => {
    const args = compilerArguments(target, library, libraryNames('darwin')[0], 'out.node', 'darwin');
    expect(args).toEqual(
      expect.arrayContaining(['-bundle', `/lib dir/${frameworkName('darwin')}`, '-Wl,-rpath,@loader_path/../../deps/lib']),
    );
  });
});

describe('parseArguments', () => {
  it('reads commands and options', () => {
    expect(parseArguments(['install', '--library', 'gpu', '--force'])).toMatchObject({ command: 'install', library: 'gpu', force: true });
    expect(parseArguments(['uninstall', '--cache'])).toMatchObject({ command: 'uninstall', cache: true });
    expect([parseArguments([]).command, parseArguments(['doctor', '-h']).command, parseArguments(['-v']).command]).toEqual([
      'help',
      'help',
      'version',
    ]);
  });

  it.each([
    [['instal'], 'did you mean install?'],
    [['install', '--forse'], 'did you mean --force?'],
    [['doctor', '--force'], 'it takes --package-dir, --json'],
    [['install', '--library', 'tpu'], 'leave it out for auto'],
    [['install', '--from', ''], 'an unset shell variable, perhaps'],
    [['install', '--from'], 'see `man-native --help`'],
    [['install', 'now'], 'see `man-native --help`'],
    [['--json'], 'see `man-native --help`'],
  ])('refuses %j', (argv, hint) => {
    expect(() => parseArguments(argv)).toThrow(expect.objectContaining({ code: 'MAN_NATIVE_OPTION', hint }));
  });
});

describe('files', () => {
  it('names the faults of a disk', async () => {
    const failing = (code: string) => writingTo('cache', '/cache', () => Promise.reject(Object.assign(new Error(code), { code })));
    await expect(failing('ENOSPC')).rejects.toMatchObject({ code: 'MAN_NATIVE_DISK_FULL' });
    await expect(failing('EROFS')).rejects.toMatchObject({ code: 'MAN_NATIVE_CACHE_NOT_WRITABLE' });
    await expect(writingTo('package', '/p', () => Promise.reject(Object.assign(new Error(), { code: 'EACCES' })))).rejects.toMatchObject({
      code: 'MAN_NATIVE_PACKAGE_NOT_WRITABLE',
    });
    await expect(requireRoom(dir, 1e18)).rejects.toMatchObject({ code: 'MAN_NATIVE_DISK_FULL' });
    await expect(requireRoom(dir, 1)).resolves.toBeUndefined();
    expect(diskFull('/x', 2e6, 1e6).message).toContain('2 MB needed, 1 MB free');
  });

  it('leaves no temporary file when a write fails, and names none', async () => {
    mkdirSync(join(dir, 'taken/sub'), { recursive: true });
    await expect(writeFileAtomically(join(dir, 'taken'), 'x')).rejects.toThrow();
    await writeFileAtomically(join(dir, 'new/file'), 'x');
    expect(lastingPart('/c/key.tmp-0123abcd/tree/x')).toBe('/c');
    expect(lastingPart('/c/key')).toBe('/c/key');
  });
});

describe('cacheRoot', () => {
  it('takes the folder given, then the environment', () => {
    expect(cacheRoot('/given', { MAN_NATIVE_CACHE: '/m' })).toBe('/given');
    expect(cacheRoot(undefined, { MAN_NATIVE_CACHE: '/m', XDG_CACHE_HOME: '/x' })).toBe('/m');
    if (process.platform === 'linux') {
      expect(cacheRoot(undefined, { XDG_CACHE_HOME: '/x' })).toBe('/x/man-native');
      expect(cacheRoot(undefined, { HOME: '/h' })).toBe('/h/.cache/man-native');
    }
  });
});

describe('withLock', () => {
  it('lets one in at a time, tells who waits, and gives up when asked', async () => {
    let inside = 0;
    let most = 0;
    let waits = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((next) => setTimeout(next, 30));
      inside--;
    };
    await Promise.all([1, 2].map(() => withLock(dir, 'x', { signal: undefined, onWait: () => waits++ }, work)));
    expect([most, waits]).toEqual([1, 1]);
    const stop = new AbortController();
    await withLock(dir, 'x', { signal: undefined, onWait: () => undefined }, async () => {
      const second = withLock(dir, 'x', { signal: stop.signal, onWait: () => stop.abort() }, work);
      await expect(second).rejects.toMatchObject({ code: 'MAN_NATIVE_CANCELLED' });
    });
  });
});

describe('runTool', () => {
  it('says how a tool ended, and ends what takes too long with all it started', async () => {
    expect(await runTool('no-such-tool', [], { env: {} })).toMatchObject({ missing: true, code: null });
    const lines: string[] = [];
    const talk = await runTool('/bin/sh', ['-c', 'echo one; echo two; exit 3'], { env: {}, onLine: (line) => lines.push(line) });
    expect([talk.code, lines]).toEqual([3, ['one', 'two']]);
    const started = performance.now();
    const slow = await runTool('/bin/sh', ['-c', '/bin/sleep 20 & wait'], { env: {}, timeoutMs: 100 });
    expect(slow.killedBy).toBe('SIGTERM');
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe('findPackage', () => {
  it('names what it misses', () => {
    expect(() => findPackage({ packageDir: dir })).toThrow(expect.objectContaining({ code: 'MAN_NATIVE_NO_PACKAGE' }));
    const write = (manifest: object) => writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest));
    write({ name: 'left-pad' });
    expect(() => findPackage({ packageDir: dir })).toThrow(/left-pad/);
    write({ name: '@tensorflow/tfjs-node', version: '1', binary: { napi_versions: [999] } });
    expect(() => findPackage({ packageDir: dir })).toThrow(/tfjs_backend.cc/);
    mkdirSync(join(dir, 'binding'));
    writeFileSync(join(dir, 'binding/tfjs_backend.cc'), '');
    expect(() => findPackage({ packageDir: dir })).toThrow(/N-API/);
    write({ name: '@tensorflow/tfjs-node', version: '1', binary: { napi_versions: [3, 8, 999] } });
    expect(findPackage({ packageDir: dir }).addon).toMatch(/napi-v8/);
  });
});
