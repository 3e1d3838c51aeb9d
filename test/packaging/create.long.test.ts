import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runWell } from '../run.ts';
import { readJson, root } from '../workspace.ts';
import { emptyFolder, installOffline, packAll, removeFolder } from './pack.ts';
import { linkEngines } from './snippets.ts';

/** What `npm create man-plugin` runs, packed and unpacked; and packages that are made by it, beside our packed packages. */
let folder: string;
let create: string;

beforeAll(async () => {
  folder = emptyFolder('create');
  await installOffline(await packAll(folder), folder);
  linkEngines(folder);
  for (const name of ['typescript', '@types/node']) link(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  link(join(root, 'node_modules/typescript/bin/tsc'), join(folder, 'node_modules/.bin/tsc'));
  const packed = await runWell(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, '--workspace', 'create-man-plugin'],
    {
      cwd: root,
    },
  );
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  create = join(folder, 'node_modules/create-man-plugin');
  mkdirSync(create, { recursive: true });
  await runWell('tar', ['-xzf', join(folder, filename), '-C', create, '--strip-components=1'], { cwd: folder });
});
afterAll(() => removeFolder(folder));

function link(from: string, to: string): void {
  mkdirSync(join(to, '..'), { recursive: true });
  symlinkSync(from, to);
}

const make = (...args: string[]) => run(process.execPath, [join(create, 'bin/create-man-plugin.js'), ...args], { cwd: folder });

describe('create-man-plugin', () => {
  it.each(['loss', 'plugin', 'backbone', 'dataset'])('makes a %s whose own tests pass', { timeout: 300_000 }, async (kind) => {
    const made = await make(kind, `@me/made-${kind}`);
    expect(made, made.stderr).toMatchObject({ code: 0, stderr: '' });
    const tested = await run('npm', ['test'], { cwd: join(folder, `made-${kind}`), timeoutMs: 240_000 });
    expect(tested, `${tested.stdout}\n${tested.stderr}`).toMatchObject({ code: 0 });
    expect(tested.stdout).toMatch(/fail 0/);
    expect(Number(/pass (\d+)/.exec(tested.stdout)?.[1])).toBeGreaterThan(9);
  });

  it('fails the tests of a loss that is broken', { timeout: 300_000 }, async () => {
    await make('loss', 'broken');
    const place = join(folder, 'broken');
    writeFileSync(join(place, 'src/broken.test.ts'), BROKEN);
    const tested = await run('npm', ['test'], { cwd: place, timeoutMs: 240_000 });
    expect(tested.code).toBe(1);
    expect(tested.stdout).toContain('MAN_TESTKIT_FAILED');
  });

  it('answers and refuses as command lines do', async () => {
    expect(await make('--help')).toMatchObject({ code: 0, stderr: '' });
    expect(await make('--version')).toMatchObject({ code: 0, stdout: `${readJson(join(root, 'packages/core/package.json')).version}\n` });
    for (const args of [[], ['loss'], ['optimizer', 'mine'], ['loss', 'mine', 'more'], ['loss', 'Mine'], ['--no-such-option']])
      expect((await make(...args)).code).toBe(2);
    mkdirSync(join(folder, 'there/notes'), { recursive: true });
    expect(await make('loss', 'there')).toMatchObject({ code: 2, stderr: expect.stringContaining('expected an empty folder') });
  });
});

const BROKEN = `
import { test } from 'node:test';
import { useEngine } from '@man/ops';
import { lossConformance, runConformance } from '@man/testkit';
import { broken } from './broken.ts';

await useEngine('auto');
const leaking = () => {
  const { build, ...rest } = broken();
  return { ...rest, build: (site: Parameters<typeof build>[0]) => ({ ...build(site), dispose() {} }) };
};
runConformance(lossConformance(leaking), { test });
`;
