import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doctor } from './doctor.ts';
import { install } from './install.ts';

/** Downloads 230 MB: only when asked for. */
describe.skipIf(process.env.MAN_LONG_TESTS === undefined)('a real installation into an empty cache (MAN_LONG_TESTS)', () => {
  let dir: string;
  beforeAll(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'man-native-long-')));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('trains', { timeout: 600_000 }, async () => {
    const packageDir = copyOfPackage(dir);
    const where = { packageDir, cacheDir: join(dir, 'cache') };
    const first = await install({ ...where, library: 'cpu' });
    expect(first).toMatchObject({ outcome: 'installed', device: 'cpu', stamp: { tensorflow: '2.21.0' } });
    expect(await install({ ...where, library: 'cpu' })).toMatchObject({ outcome: 'present' });
    const { works, probe } = await doctor(where);
    expect([works, probe?.works]).toEqual([true, true]);
    const offline = await install({ ...where, from: join(first.stamp.libraryDir, '..') });
    expect(offline.stamp).toMatchObject({ library: 'custom', tensorflow: '2.21.0' });
  });
});

/** The installed tfjs-node-gpu without what was built in it, in a folder of its own that sees the same dependencies. */
function copyOfPackage(dir: string): string {
  const real = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'));
  const modules = dirname(dirname(real));
  const copy = join(dir, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
  mkdirSync(dirname(copy), { recursive: true });
  for (const name of readdirSync(modules)) if (name !== '@tensorflow') symlinkSync(join(modules, name), join(dir, 'node_modules', name));
  for (const name of readdirSync(dirname(real))) {
    if (name !== 'tfjs-node-gpu') symlinkSync(join(dirname(real), name), join(dirname(copy), name));
  }
  cpSync(real, copy, { recursive: true, filter: (path) => ![join(real, 'lib'), join(real, 'deps')].includes(path) });
  return copy;
}
