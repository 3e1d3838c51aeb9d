import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runWell } from '../run.ts';
import { publicRooms, readJson } from '../workspace.ts';
import { emptyFolder, packAll, removeFolder } from './pack.ts';

/** Asks the registry of npm for the dependencies. */
describe('npm install of all packages into an empty folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = emptyFolder('install');
    const tarballs = await packAll(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true, type: 'module' }));
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--strict-peer-deps'];
    await runWell('npm', ['install', ...flags, ...tarballs.map(({ path }) => path), '@tensorflow/tfjs@4.22.0'], { cwd: folder });
  });
  afterAll(() => removeFolder(folder));

  it('leaves no dependency unmet and installs nothing twice', async () => {
    expect(await run('npm', ['ls', '--all'], { cwd: folder })).toMatchObject({ code: 0 });
    expect(readdirSync(join(folder, 'node_modules/@man')).sort()).toEqual(publicRooms.map(({ name }) => name).sort());
    expect(readdirSync(join(folder, 'node_modules/@tensorflow'))).not.toContain('tfjs-node');
  });

  it.each(publicRooms.map(({ manifest }) => manifest.name))('%s is imported', async (name) => {
    await runWell(process.execPath, ['--input-type=module', '-e', `await import('${name}')`], { cwd: folder });
  });

  it('links the command lines', async () => {
    for (const name of publicRooms.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
      expect(await run(join(folder, 'node_modules/.bin', name), ['--help'], { cwd: folder })).toMatchObject({ code: 0, stderr: '' });
    }
    expect(readJson(join(folder, 'package.json')).dependencies).toHaveProperty('@man/native');
  });
});
