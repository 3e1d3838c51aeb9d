import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { install } from './install.ts';
import { frameworkName, libraryNames, platformName } from './platform.ts';
import { status } from './status.ts';
import type { InstallOptions } from './types.ts';
import { uninstall } from './uninstall.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

describe.skipIf(!SUPPORTED_PLATFORMS.includes(platformName()))('install from what is given, and uninstall', () => {
  let machine: FakeMachine;
  beforeEach(() => {
    machine = fakeMachine();
  });
  afterEach(() => machine.dispose());

  const run = (faults: Record<string, string> = {}, more: InstallOptions = {}) =>
    install({ packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env(faults), library: 'cpu', ...more });
  const given = (from: string, faults: Record<string, string> = {}) =>
    install({ packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env(faults), from });
  const addon = () => join(machine.packageDir, 'lib/napi-v8/tfjs_binding.node');
  const link = () => join(machine.packageDir, 'deps/lib');
  const ready = () => status({ packageDir: machine.packageDir }).ready;
  const makeLibrary = (dir: string) => {
    mkdirSync(join(dir, 'include/tensorflow/c'), { recursive: true });
    for (const name of [libraryNames()[0], frameworkName(), 'include/tensorflow/c/c_api.h']) writeFileSync(join(dir, name), 'x');
    return dir;
  };

  it('gives back what worked when the new one does not', async () => {
    await run();
    const other = makeLibrary(join(machine.dir, 'other'));
    for (const fault of ['error', 'broken']) await expect(given(other, { FAKE_CXX: fault })).rejects.toThrow();
    expect(ready()).toBe(true);
    expect(readFileSync(addon(), 'utf8')).toBe('good');
    expect(machine.leftovers()).toEqual([]);
  });

  it('links a folder without Python or pip, in both layouts', async () => {
    machine.hide('python3');
    makeLibrary(join(machine.dir, 'wheel/tensorflow'));
    expect((await given(join(machine.dir, 'wheel'))).stamp.library).toBe('custom');
    expect(readlinkSync(link())).toBe(join(machine.dir, 'wheel/tensorflow'));
    expect((await given(join(machine.dir, 'wheel'))).outcome).toBe('present');
    expect((await given(join(machine.dir, 'wheel/tensorflow'))).outcome).toBe('installed');
    expect(machine.cache()).toEqual([]);
  });

  it('links the TensorFlow of Python', async () => {
    await expect(given('python')).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_PYTHON_TENSORFLOW' });
    const dir = makeLibrary(join(machine.dir, 'site-packages/tensorflow'));
    expect((await given('python', { FAKE_TENSORFLOW: dir })).stamp).toMatchObject({ source: 'python', libraryDir: dir });
  });

  it('unpacks a wheel that is given, and keeps libraries of different content apart', async () => {
    for (const content of ['one', 'two']) {
      const wheel = join(machine.dir, `tensorflow_cpu-9.9-py3-none-any.whl`);
      writeFileSync(wheel, content);
      expect((await given(wheel, { FAKE_PIP: 'fail' })).outcome).toBe('installed');
      rmSync(join(machine.packageDir, 'lib'), { recursive: true });
    }
    expect(machine.cache()).toHaveLength(2);
  });

  it('refuses what is not there, not a library, or for another machine', async () => {
    await expect(given('no/such/thing.whl')).rejects.toMatchObject({ code: 'MAN_NATIVE_FROM' });
    await expect(given(machine.dir)).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_LIBRARY' });
    const wheel = join(machine.dir, 'tensorflow-2-cp311-cp311-win_amd64.whl');
    writeFileSync(wheel, '');
    await expect(given(wheel)).rejects.toMatchObject({ code: 'MAN_NATIVE_WHEEL_PLATFORM' });
    const bare = makeLibrary(join(machine.dir, 'bare'));
    rmSync(join(bare, 'include'), { recursive: true });
    await expect(given(bare)).rejects.toMatchObject({ code: 'MAN_NATIVE_NO_HEADERS' });
    await expect(run({}, { from: bare })).rejects.toMatchObject({ code: 'MAN_NATIVE_OPTION' });
  });

  it('leaves an addon of another making alone while it works, and puts its library aside otherwise', async () => {
    mkdirSync(join(machine.packageDir, 'lib/napi-v8'), { recursive: true });
    writeFileSync(addon(), 'good');
    mkdirSync(link(), { recursive: true });
    makeLibrary(link());
    const auto = { packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env() };
    expect((await install(auto)).stamp.source).toBe('foreign');
    expect((await install(auto)).outcome).toBe('present');
    expect((await run({}, { force: true })).outcome).toBe('installed');
    expect(lstatSync(link()).isSymbolicLink()).toBe(true);
    await uninstall(auto);
    expect(lstatSync(link()).isDirectory()).toBe(true);
  });

  it('takes away what it brought, and the cache when asked', async () => {
    await run();
    const where = { packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env() };
    await uninstall(where);
    expect([existsSync(addon()), existsSync(link()), machine.cache().length]).toEqual([false, false, 1]);
    writeFileSync(join(machine.cacheDir, 'mine.txt'), 'not ours');
    await uninstall({ ...where, cache: true });
    expect(machine.cache()).toEqual(['mine.txt']);
    expect((await uninstall(where)).removed).toEqual([]);
  });

  it('finds a broken link, and mends it', async () => {
    await run();
    rmSync(link());
    symlinkSync('/no/such/folder', link());
    expect(status({ packageDir: machine.packageDir }).reason).toContain('link');
    expect((await run()).outcome).toBe('installed');
  });
});
