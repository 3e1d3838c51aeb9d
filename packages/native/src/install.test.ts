import { readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { install } from './install.ts';
import { frameworkName, platformName } from './platform.ts';
import { status } from './status.ts';
import type { InstallOptions, InstallProgress } from './types.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

describe.skipIf(!SUPPORTED_PLATFORMS.includes(platformName()))('install', () => {
  let machine: FakeMachine;
  beforeEach(() => {
    machine = fakeMachine();
  });
  afterEach(() => machine.dispose());

  const run = (faults: Record<string, string> = {}, more: InstallOptions = {}) =>
    install({ packageDir: machine.packageDir, cacheDir: machine.cacheDir, env: machine.env(faults), library: 'cpu', ...more });
  const addon = () => join(machine.packageDir, 'lib/napi-v8/tfjs_binding.node');
  const link = () => join(machine.packageDir, 'deps/lib');
  const ready = () => status({ packageDir: machine.packageDir }).ready;

  it('downloads, links, compiles and proves; the wheels do not stay', async () => {
    const seen: InstallProgress[] = [];
    const result = await run({}, { onProgress: (progress) => seen.push(progress) });
    expect(result).toMatchObject({
      outcome: 'installed',
      device: 'cpu',
      stamp: { source: 'download', library: 'cpu', tensorflow: '2.21.0' },
    });
    expect(readlinkSync(link())).toBe(join(machine.cacheDir, `tensorflow-cpu-2.21.0-${platformName()}`, 'tensorflow'));
    expect(machine.cache()).toHaveLength(1);
    expect(machine.leftovers()).toEqual([]);
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['download', 'unpack', 'compile', 'verify']);
    expect(ready()).toBe(true);
  });

  it('has pip verify the content, for a fixed platform and Python', async () => {
    await run();
    const pip = machine.calls().find((call) => call.includes('pip download'));
    expect(pip).toMatch(/--no-deps --only-binary=:all: --require-hashes/);
  });

  it('does nothing, and starts no tool, the second time', async () => {
    await run();
    const before = machine.calls().length;
    const second = await run({ FAKE_PIP: 'fail', FAKE_CXX: 'error' });
    expect(second.outcome).toBe('present');
    expect(second.seconds).toBeLessThan(1);
    expect(machine.calls()).toHaveLength(before);
  });

  it.each([
    ['the addon', () => rmSync(addon())],
    ['the link', () => rmSync(link())],
    ['the library', () => rmSync(join(readlinkSync(link()), frameworkName()))],
    ['the content of the addon', () => writeFileSync(addon(), 'something else')],
  ])('does not trust the stamp when %s is gone', async (_, remove) => {
    await run();
    remove();
    expect(ready()).toBe(false);
    expect((await run()).outcome).toBe('installed');
    expect(ready()).toBe(true);
  });

  it('needs no download when the package was reinstalled', async () => {
    await run();
    rmSync(join(machine.packageDir, 'lib'), { recursive: true });
    rmSync(link());
    expect((await run({ FAKE_PIP: 'offline' })).outcome).toBe('installed');
  });
});
