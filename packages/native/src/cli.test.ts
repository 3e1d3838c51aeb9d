import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeMachine, fakeMachine } from './fake-machine.ts';
import { platformName } from './platform.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe.skipIf(!SUPPORTED_PLATFORMS.includes(platformName()))('man-native', () => {
  const here = fileURLToPath(new URL('..', import.meta.url));
  let built: string;
  let machine: FakeMachine;
  let running: ChildProcess[] = [];

  // Node 20 runs no TypeScript, and dist may be old or missing; in the package so that its dependencies resolve.
  beforeAll(async () => {
    mkdirSync(join(here, 'node_modules'), { recursive: true });
    built = mkdtempSync(join(here, 'node_modules', '.cli-test-'));
    mkdirSync(join(built, 'dist'));
    const base = fileURLToPath(new URL('../../base/src/index.ts', import.meta.url));
    const common = { bundle: true, format: 'esm', platform: 'node', target: 'node20', alias: { '@man/base': base } } as const;
    const external = ['picocolors', 'proper-lockfile', 'node-api-headers'];
    symlinkSync(join(here, 'kernels'), join(built, 'kernels'));
    await build({ ...common, external, entryPoints: [join(here, 'src/cli.ts')], outfile: join(built, 'dist/cli.mjs') });
  });
  afterAll(() => rmSync(built, { recursive: true, force: true }));
  beforeEach(() => {
    machine = fakeMachine();
  });
  afterEach(() => {
    for (const child of running) child.kill('SIGKILL');
    running = [];
    machine.dispose();
  });

  const start = (args: string[], faults: Record<string, string> = {}) => {
    const env = { ...machine.env(faults), MAN_NATIVE_CACHE: machine.cacheDir };
    const child = spawn(process.execPath, [join(built, 'dist/cli.mjs'), ...args], { cwd: machine.dir, env });
    running.push(child);
    const ended = new Promise<Ended>((resolve) => {
      const text = { stdout: '', stderr: '' };
      child.stdout.on('data', (chunk) => (text.stdout += chunk));
      child.stderr.on('data', (chunk) => (text.stderr += chunk));
      child.on('close', (code) => resolve({ code, ...text }));
    });
    return { child, ended };
  };
  const run = (args: string[], faults?: Record<string, string>) => start(args, faults).ended;
  const called = async (part: string) => {
    while (!machine.calls().some((call) => call.includes(part))) await new Promise((next) => setTimeout(next, 20));
  };
  const downloads = () => machine.calls().filter((call) => call.includes('pip download')).length;

  it('installs, finds the package from the current folder, says what runs; then has nothing to do', async () => {
    const first = await run(['install']);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('TensorFlow 2.21.0 (cpu)') });
    expect(first.stderr).toContain('compiling the addon');
    const second = await run(['install', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ outcome: 'present', packageDir: machine.packageDir });
    expect((await run(['path'])).stdout).toContain(machine.cacheDir);
  });

  it('ends with 2 for wrong usage, and with 1 and the code for an error', async () => {
    expect(await run(['install', '--libary', 'cpu'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--library') });
    expect(await run(['path'])).toMatchObject({ code: 1, stderr: expect.stringContaining('[MAN_NATIVE_NOT_INSTALLED]') });
    const failed = await run(['install', '--json'], { FAKE_PIP: 'hash' });
    expect([failed.code, JSON.parse(failed.stdout).error.code]).toEqual([1, 'MAN_NATIVE_HASH']);
  });

  it('ends with 130 on Ctrl-C, with nothing left behind', async () => {
    const { child, ended } = start(['install'], { FAKE_PIP: 'hang' });
    await called('pip download');
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(machine.cache()).toEqual([]);
    expect(machine.leftovers()).toEqual([]);
  });

  it('continues after a run that was killed in the middle', async () => {
    const { child, ended } = start(['install'], { FAKE_UNPACK: 'hang' });
    await called('-I -c');
    child.kill('SIGKILL');
    await ended;
    const lock = readdirSync(machine.cacheDir).find((name) => name.endsWith('.lock')) ?? '';
    // As if the ten seconds after which a lock counts as abandoned had gone by.
    utimesSync(join(machine.cacheDir, lock), 1, 1);
    expect((await run(['install'])).code).toBe(0);
    expect(machine.cache()).toEqual([`tensorflow-cpu-2.21.0-${platformName()}`]);
    expect(machine.leftovers()).toEqual([]);
  });

  it('waits when another run is at work, and then downloads nothing', async () => {
    const both = await Promise.all([run(['install'], { FAKE_PIP: 'slow' }), run(['install'], { FAKE_PIP: 'slow' })]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(downloads()).toBe(1);
    expect(both.filter(({ stderr }) => stderr.includes('waiting for it'))).not.toEqual([]);
    expect(both.filter(({ stdout }) => stdout.includes('nothing to do'))).toHaveLength(1);
  });

  it('doctor ends with 1 and names the commands before, with 0 after', async () => {
    const before = await run(['doctor']);
    expect(before).toMatchObject({ code: 1, stdout: expect.stringContaining('npx man-native install') });
    await run(['install', '--quiet']);
    const after = await run(['doctor', '--json']);
    expect([after.code, JSON.parse(after.stdout).probe]).toMatchObject([0, { works: true, threads: 3, oneDnn: true }]);
  });
});
