import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { doctor } from './doctor.ts';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { install } from './install.ts';
import { platformName } from './platform.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

describe.skipIf(!SUPPORTED_PLATFORMS.includes(platformName()))('doctor', () => {
  let machine: FakeMachine;
  beforeEach(() => {
    machine = fakeMachine();
  });
  afterEach(() => machine.dispose());

  const where = (faults: Record<string, string> = {}) => ({
    packageDir: machine.packageDir,
    cacheDir: machine.cacheDir,
    env: machine.env(faults),
  });
  const states = async (options = where()) => {
    const { works, checks } = await doctor(options);
    return { works, ...Object.fromEntries(checks.map(({ name, state }) => [name, state])) };
  };

  it('finds everything in place after an installation', async () => {
    await install(where());
    expect(await states()).toMatchObject({
      works: true,
      library: 'ok',
      addon: 'ok',
      engine: 'ok',
      oneDNN: 'ok',
      compiler: 'ok',
      pip: 'ok',
    });
  });

  it('works without compiler, Python and pip, and says that they are only needed to install', async () => {
    await install(where());
    for (const tool of ['python3', 'g++']) machine.hide(tool);
    expect(await states()).toMatchObject({ works: true, compiler: 'absent', Python: 'absent', pip: 'absent' });
  });

  it('has a command for everything that is missing, whatever is missing', async () => {
    for (const tool of ['python3', 'g++']) machine.hide(tool);
    const { works, checks, probe } = await doctor({ ...where(), packageDir: join(machine.dir, 'nowhere') });
    expect([works, probe]).toEqual([false, undefined]);
    const missing = checks.filter(({ state, name }) => state === 'missing' || ['compiler', 'Python', 'pip'].includes(name));
    expect(missing.map(({ name }) => name)).toEqual(['npm package', 'compiler', 'Python', 'pip']);
    expect(missing.every(({ fix }) => fix !== undefined)).toBe(true);
  });

  it('tells a missing addon from a broken link', async () => {
    expect(await states()).toMatchObject({ works: false, addon: 'missing', library: 'missing' });
    await install(where());
    const link = join(machine.packageDir, 'deps/lib');
    rmSync(link);
    symlinkSync('/no/such/folder', link);
    expect(await states()).toMatchObject({ library: 'missing', addon: 'ok' });
  });

  it('reports what the addon died of', async () => {
    await install(where());
    const addon = join(machine.packageDir, 'lib/napi-v8/tfjs_binding.node');
    writeFileSync(addon, 'broken');
    const { works, checks } = await doctor(where());
    expect(works).toBe(false);
    expect(checks.find(({ name }) => name === 'engine')?.found).toContain('cannot open shared object file');
    writeFileSync(addon, 'illegal');
    expect((await doctor(where())).probe).toMatchObject({ works: false, illegalInstruction: true });
  });

  it('survives a package.json and a stamp that are no JSON', async () => {
    await install(where());
    writeFileSync(join(machine.packageDir, 'lib/man-native.json'), '{');
    expect(await states()).toMatchObject({ works: true });
    writeFileSync(join(machine.packageDir, 'package.json'), '{');
    expect(await states()).toMatchObject({ works: false, 'npm package': 'missing' });
  });
});
