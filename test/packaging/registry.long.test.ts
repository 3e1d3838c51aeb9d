import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { run, runWell } from '../run.ts';
import { publicRooms, readJson, root } from '../workspace.ts';
import { emptyFolder, removeFolder } from './pack.ts';
import { type Registry, startRegistry } from './registry.ts';
import { linkEngines, snippets, writeJavaScript } from './snippets.ts';

/**
 * A release from end to end: versions by the changesets, published to a registry on this machine, installed from there by name. Asks the registry of npm
 * for verdaccio and for what our packages depend on.
 */
describe('a release', { timeout: 1_200_000 }, () => {
  let folder: string;
  let copy: string;
  let registry: Registry;
  const names = [...publicRooms.map(({ manifest }) => manifest.name), 'create-man-plugin'].sort();
  const before = readJson(join(root, 'packages/core/package.json')).version;
  const changeset = (...args: string[]) =>
    run(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), ...args], {
      cwd: copy,
      env: registry.env,
      timeoutMs: 550_000,
    });
  const npm = (cwd: string, ...args: string[]) => run('npm', args, { cwd, env: registry.env, timeoutMs: 550_000 });
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts'];

  beforeAll(async () => {
    requireBuilt();
    folder = emptyFolder('registry');
    copy = join(folder, 'repository');
    await copyRepository(copy);
    registry = await startRegistry(join(folder, 'registry'));
  });
  afterAll(async () => {
    await registry?.stop();
    removeFolder(folder);
  });

  it('is tried on a registry of the version and licence that were looked at', () => {
    expect(registry.manifest).toMatchObject({ version: '6.8.0', license: 'MIT' });
  });

  it('gives all packages one new version, and what changed into their changelogs', async () => {
    expect(await changeset('version')).toMatchObject({ code: 0 });
    const manifests = publicRooms.map(({ folder: room }) => readJson(join(copy, room.slice(root.length), 'package.json')));
    const [version] = new Set(manifests.map((manifest) => manifest.version));
    expect(version).not.toBe(before);
    for (const { name, version: own, dependencies = {} } of manifests) {
      const ours = Object.entries(dependencies).filter(([other]) => other.startsWith('@man/'));
      expect([name, own, ...ours]).toEqual([name, version, ...ours.map(([other]) => [other, version])]);
    }
    expect(existsSync(join(copy, 'packages/core/CHANGELOG.md'))).toBe(true);
  });

  it('is published, once', async () => {
    const published = await changeset('publish', '--no-git-tag');
    expect(published, published.stdout + published.stderr).toMatchObject({ code: 0 });
    for (const name of names) {
      const viewed = await npm(folder, 'view', name, '--json', 'version', 'dist-tags.latest');
      const { version } = readJson(join(copy, 'packages/core/package.json'));
      expect([name, JSON.parse(viewed.stdout)]).toEqual([name, { version, 'dist-tags.latest': version }]);
    }
    expect((await changeset('publish', '--no-git-tag')).stderr).toContain('No unpublished projects to publish');
  });

  it('is installed by name into an empty folder, where the code on the page of MAN runs', async () => {
    const place = join(folder, 'reader');
    const programs = snippets.filter(({ at, runs }) => runs && at.startsWith('packages/plugin/'));
    expect(programs.length).toBeGreaterThan(0);
    const imported = new Set(
      programs.flatMap(({ code }) => [...code.matchAll(/from '(@[\w-]+\/[\w-]+)'/g)].map(([, name]) => name as string)),
    );
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'reader', private: true, type: 'module' }));
    const installed = await npm(place, 'install', ...flags, '--strict-peer-deps', '@man/plugin', '@man/core', ...imported);
    expect(installed, installed.stderr).toMatchObject({ code: 0 });
    expect(await npm(place, 'ls', '--all')).toMatchObject({ code: 0 });
    linkEngines(place);
    for (const program of programs) {
      const ended = await run(process.execPath, [await writeJavaScript(place, program, 'esm')], { cwd: place });
      expect(ended, `${program.at}: ${ended.stderr}`).toMatchObject({ code: 0 });
    }
  });

  it('makes a package of one’s own by npm create, whose tests pass', async () => {
    const made = await npm(folder, 'create', '--yes', 'man-plugin', 'loss', 'my-loss');
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const place = join(folder, 'my-loss');
    const installed = await npm(place, 'install', ...flags);
    expect(installed, installed.stderr).toMatchObject({ code: 0 });
    const tested = await npm(place, 'test');
    expect(tested, `${tested.stdout}\n${tested.stderr}`).toMatchObject({ code: 0 });
  });
});

/** What git knows of the repository, with the packages as they are built. */
async function copyRepository(to: string): Promise<void> {
  const { stdout } = await runWell('git', ['ls-files', '-z', '.changeset', 'package.json', 'packages', 'apps', 'tools/create'], {
    cwd: root,
  });
  const isNeeded = (file: string) => !/^(packages|apps)\/[^/]+\/(src|paper)\//.test(file);
  const built = [...publicRooms.map(({ folder }) => `${folder.slice(root.length + 1)}/dist`), 'tools/create/dist'];
  for (const file of [...stdout.split('\0').filter((file) => file !== '' && isNeeded(file)), ...built]) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
}
