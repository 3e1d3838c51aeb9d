import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { install } from './install.ts';
import { frameworkName, libraryNames, platformName } from './platform.ts';
import { status } from './status.ts';
import type { InstallOptions } from './types.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

describe.skipIf(!SUPPORTED_PLATFORMS.includes(platformName()))('install, when something is wrong', () => {
  let machine: FakeMachine;
  beforeEach(() => {
    machine = fakeMachine();
  });
  afterEach(() => machine.dispose());

  const run = (faults: Record<string, string> = {}, more: InstallOptions = {}) =>
    install({ packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env(faults), library: 'cpu', ...more });
  const addon = () => join(machine.packageDir, 'lib/napi-v8/tfjs_binding.node');
  const ready = () => status({ packageDir: machine.packageDir }).ready;
  const makeLibrary = (dir: string) => {
    mkdirSync(join(dir, 'include/tensorflow/c'), { recursive: true });
    for (const name of [libraryNames()[0], frameworkName(), 'include/tensorflow/c/c_api.h']) writeFileSync(join(dir, name), 'x');
    return dir;
  };

  it.each([
    ['hash', 'MAN_NATIVE_HASH'],
    ['offline', 'MAN_NATIVE_OFFLINE'],
    ['nomatch', 'MAN_NATIVE_WHEEL_NOT_FOUND'],
    ['nospace', 'MAN_NATIVE_DISK_FULL'],
    ['fail', 'MAN_NATIVE_PIP'],
    ['short', 'MAN_NATIVE_PIP'],
    ['nopip', 'MAN_NATIVE_NO_PIP'],
  ])('names the fault of pip: %s → %s', async (fault, code) => {
    await expect(run({ FAKE_PIP: fault })).rejects.toMatchObject({ code });
    expect(machine.cache()).toEqual([]);
    expect(machine.leftovers()).toEqual([]);
    expect(existsSync(addon())).toBe(false);
  });

  it.each([
    ['bad', 'MAN_NATIVE_WHEEL'],
    ['nospace', 'MAN_NATIVE_DISK_FULL'],
    ['empty', 'MAN_NATIVE_NO_LIBRARY'],
  ])('names the fault of unpacking: %s → %s', async (fault, code) => {
    await expect(run({ FAKE_UNPACK: fault })).rejects.toMatchObject({ code });
    expect(machine.cache()).toEqual([]);
  });

  it('says that there is no Python', async () => {
    machine.hide('python3');
    await expect(run()).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_PYTHON' });
  });

  it('misses the compiler before it downloads anything', async () => {
    machine.hide('g++');
    await expect(run()).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_COMPILER' });
    expect(machine.calls()).toEqual([]);
  });

  it('honours CXX with arguments, and tries nothing else', async () => {
    await expect(run({ CXX: 'no-such-compiler' })).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_COMPILER' });
    expect((await run({ CXX: 'g++' })).outcome).toBe('installed');
  });

  it('passes on what the compiler said, and keeps the library', async () => {
    await expect(run({ FAKE_CXX: 'error' })).rejects.toMatchObject({
      code: 'MAN_NATIVE_COMPILE',
      message: expect.stringContaining('error: no'),
    });
    expect(machine.cache()).toHaveLength(1);
    expect((await run({ FAKE_PIP: 'fail' })).outcome).toBe('installed');
  });

  it.each([
    ['broken', 'MAN_NATIVE_VERIFY'],
    ['useless', 'MAN_NATIVE_VERIFY'],
    ['illegal', 'MAN_NATIVE_PROCESSOR'],
  ])('does not call an addon installed that does not train: %s', async (fault, code) => {
    await expect(run({ FAKE_CXX: fault })).rejects.toMatchObject({ code });
    expect(ready()).toBe(false);
    expect(existsSync(addon())).toBe(false);
  });

  it('names a cache folder that cannot be written', async () => {
    writeFileSync(join(machine.dir, 'file'), '');
    const cacheDir = join(machine.dir, 'file', 'cache');
    await expect(run({}, { cacheDir })).rejects.toMatchObject({ code: 'MAN_NATIVE_CACHE_NOT_WRITABLE' });
  });

  it('stops cleanly in the middle of a download and of unpacking', async () => {
    for (const faults of [{ FAKE_PIP: 'hang' }, { FAKE_UNPACK: 'hang' }]) {
      const stop = new AbortController();
      const work = run(faults, { signal: stop.signal });
      const phase = 'FAKE_PIP' in faults ? 'pip download' : ' -I -c';
      while (!machine.calls().some((call) => call.includes(phase))) await new Promise((next) => setTimeout(next, 20));
      stop.abort();
      await expect(work).rejects.toMatchObject({ code: 'MAN_NATIVE_CANCELLED' });
      expect(machine.cache()).toEqual([]);
    }
  });

  it('cleans up after a run that was killed', async () => {
    const lost = join(machine.cacheDir, `tensorflow-cpu-2.21.0-${platformName()}.tmp-01234567`);
    mkdirSync(lost, { recursive: true });
    makeLibrary(join(machine.cacheDir, `tensorflow-cpu-2.21.0-${platformName()}`, 'tensorflow')); // Not marked as complete.
    mkdirSync(join(machine.packageDir, 'lib/napi-v8'), { recursive: true });
    writeFileSync(`${addon()}.tmp-01234567`, 'half');
    await run();
    expect(machine.leftovers()).toEqual([]);
    expect(machine.calls().some((call) => call.includes('pip download'))).toBe(true);
  });
});
