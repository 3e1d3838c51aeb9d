import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runWell } from '../run.ts';
import { publicRooms, root, short } from '../workspace.ts';
import { bundledBytes } from './bundle.ts';
import { compile, declaredValues, writeConsumer } from './consumer.ts';
import { emptyFolder, installOffline, packAll, removeFolder, type Tarball } from './pack.ts';
import { linkEngines, snippets, writeJavaScript, writeTypeScript } from './snippets.ts';

/** What one package may weigh, packed; `data` holds a JPEG decoder, `track` a page that draws. */
const maxPackedBytes = (name: string) => (name === '@man/data' ? 160_000 : name === '@man/track' ? 140_000 : 120_000);
/** What packages may weigh on average. */
const MAX_MEAN_PACKED_BYTES = 45_000;

/** What every loss may stand on. */
const FLOOR = ['@man/base', '@man/ops', '@man/core', '@man/nn'];

/** A user's program: asks for an engine that is not there, then trains two steps of InfoPro + MAN. */
const TRAIN = `
import { resnet } from '@man/backbone-resnet';
import { constant, createTrainer, sgd } from '@man/core';
import { trainingLoader } from '@man/data';
import { shapes } from '@man/dataset-shapes';
import { infopro } from '@man/loss-infopro';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';

const unavailable = await useEngine('tensorflow').then(() => 'started', (error) => error.code);
const engine = await useEngine('cpu');
const trainer = createTrainer({
  backbone: resnet({ depth: 8, width: 2 }),
  partition: { cuts: ['stage1.unit0'] },
  loss: infopro(),
  optimizer: sgd({ momentum: 0.9 }),
  schedule: constant(0.05),
  plugins: [man()],
  seed: 7,
});
const train = trainingLoader(shapes({ train: 8, test: 8 }), { batch: 4, seed: 7 });
const { epochs } = await trainer.fit(train, { epochs: 1 });
await train.close();
trainer.dispose();
const losses = epochs[0].blocks.map((block) => block.loss);
console.log(JSON.stringify({ unavailable, engine: engine.name, blocks: losses.length, isFinite: losses.every(Number.isFinite) }));
`;

const rooms = publicRooms.map((room) => ({ name: room.manifest.name, room }));
const names = rooms.map(({ name }) => name);
let folder: string;
let tarballs: readonly Tarball[];
let promisedBy: ReadonlyMap<string, readonly string[]>;
const tarballOf = (name: string) => tarballs.find(({ room }) => room.manifest.name === name)!;
const bytesOf = (name: string) => Uint8Array.from(readFileSync(tarballOf(name).path));

beforeAll(async () => {
  folder = emptyFolder('packaging');
  tarballs = await packAll(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  await installOffline(tarballs, folder);
  promisedBy = declaredValues(folder, names);
});
afterAll(() => removeFolder(folder));

describe.each(rooms)('$name, packed', ({ name, room }) => {
  it('holds what a user needs and nothing else', () => {
    const { files } = tarballOf(name);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']));
    const expected =
      /^(LICENSE|NOTICE\.md|README\.md|package\.json|bin\/[a-z-]+\.js|kernels\/[a-z-]+\.(cc|h)|dist\/[a-zA-Z0-9-]+\.(js|js\.map|d\.ts|wasm))$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
  });

  it('carries the licence of the repository', () => {
    expect(readFileSync(join(folder, 'node_modules', name, 'LICENSE'), 'utf8')).toBe(readFileSync(join(root, 'LICENSE'), 'utf8'));
  });

  it('says nothing of the machine it was built on', () => {
    const texts = tarballOf(name).files.map((file) => [file, readFileSync(join(folder, 'node_modules', name, file), 'utf8')] as const);
    expect(texts.filter(([, text]) => text.includes(root)).map(([file]) => file)).toEqual([]);
  });

  it(`weighs below ${maxPackedBytes(name) / 1000} kB`, () => {
    expect(tarballOf(name).packedBytes).toBeLessThan(maxPackedBytes(name));
  });

  it('is imported by ES modules and required by CommonJS, with everything its types promise', async () => {
    expect(promisedBy.get(name)?.length).toBeGreaterThan(0);
    // In one process: what waits at its top cannot be required there either.
    const program = `const imported = await import('${name}');
      const required = (await import('node:module')).createRequire('${join(folder, 'consumer.cjs')}')('${name}');
      console.log(JSON.stringify([imported, required].map((found) => Object.keys(found).sort())));`;
    const { stdout } = await runWell(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
    const found = (JSON.parse(stdout) as string[][]).map((keys) => keys.filter((key) => key !== '__esModule' && key !== 'module.exports'));
    expect(found).toEqual([promisedBy.get(name), promisedBy.get(name)]);
  });

  const bins = Object.entries(room.manifest.bin ?? {});
  if (bins.length > 0) {
    it.each(bins)('has a command line %s that answers', async (_, path) => {
      const file = join(folder, 'node_modules', name, path);
      expect(statSync(file).mode & 0o111).not.toBe(0);
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect(await run(process.execPath, [file, '--help'], { cwd: folder })).toMatchObject({ code: 0, stderr: '' });
      expect(await run(process.execPath, [file, '--version'], { cwd: folder })).toMatchObject({
        code: 0,
        stdout: `${room.manifest.version}\n`,
      });
      expect((await run(process.execPath, [file, '--no-such-option'], { cwd: folder })).code).toBe(2);
    });
  }

  it('pleases publint', async () => {
    const { messages } = await publint({ pack: { tarball: bytesOf(name).buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  it('has types that resolve as its code does (attw)', async () => {
    const checked = await checkPackage(createPackageFromTarballData(bytesOf(name)));
    expect(checked.types).not.toBe(false);
    // Packages of ES modules are nothing for resolution as before Node 12, and reach CommonJS by require(esm).
    const isForeign = (problem: object) =>
      'resolutionKind' in problem && (problem.resolutionKind === 'node10' || problem.resolutionKind === 'node16-cjs');
    expect('problems' in checked ? checked.problems.filter((problem) => !isForeign(problem)) : checked).toEqual([]);
  });
});

describe('all packages together, without an engine', () => {
  it('train together, on plain JavaScript where no engine is installed', { timeout: 120_000 }, async () => {
    writeFileSync(join(folder, 'train.js'), TRAIN);
    const { stdout } = await runWell(process.execPath, ['train.js'], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({ unavailable: 'MAN_OPS_ENGINE_UNAVAILABLE', engine: 'cpu', blocks: 2, isFinite: true });
  });
});

describe('code on the packages’ pages, where nothing but tarballs and an engine is installed', () => {
  beforeAll(() => linkEngines(folder));

  const programs = snippets.filter(({ runs }) => runs);
  it.each(programs)('$at runs as an ES module and, by require, as CommonJS', { timeout: 120_000 }, async (snippet) => {
    const end = async (format: 'esm' | 'cjs') => {
      const cwd = join(folder, 'runs', format);
      mkdirSync(cwd, { recursive: true });
      return run(process.execPath, [await writeJavaScript(folder, snippet, format)], { cwd });
    };
    const [esm, cjs] = await Promise.all([end('esm'), end('cjs')]);
    expect(esm, esm.stderr).toMatchObject({ code: 0 });
    expect(cjs, cjs.stderr).toMatchObject({ code: 0 });
  });
});

describe('what a bundler leaves of the packages', () => {
  const losses = publicRooms.filter(({ name }) => name.startsWith('loss-'));
  it.each(losses)('of $name only that loss and what it stands on', async ({ manifest: { name } }) => {
    const [factory] = promisedBy.get(name)?.filter((value) => /^[a-z]/.test(value)) ?? [];
    const found = Object.keys(await bundledBytes(folder, factory as string, name));
    expect(found).toContain(name);
    expect(found.filter((other) => !FLOOR.includes(other) && other !== name)).toEqual([]);
  });

  it.each([
    ['createRng', '@man/base', 2500],
    ['memorySource', '@man/data', 3000],
  ])('of %s from %s less than %i bytes', async (imported, from, most) => {
    const bytes = await bundledBytes(folder, imported, from);
    expect(Object.values(bytes).reduce((sum, some) => sum + some, 0)).toBeLessThan(most);
  });
});

describe('all packages together', () => {
  it(`weigh below ${MAX_MEAN_PACKED_BYTES / 1000} kB on average, packed`, () => {
    expect(tarballs.reduce((sum, { packedBytes }) => sum + packedBytes, 0) / tarballs.length).toBeLessThan(MAX_MEAN_PACKED_BYTES);
  });

  it.each(['node16', 'bundler'] as const)("pass a user's strict type check (%s)", (moduleResolution) => {
    const files = [writeConsumer(folder, tarballs), ...snippets.map((snippet) => writeTypeScript(folder, snippet))];
    expect(compile(folder, files, moduleResolution)).toEqual([]);
  });

  it('leave the repository alone', () => {
    const strays = publicRooms.map((room) => join(room.folder, 'package')).filter((path) => existsSync(path));
    expect(strays.map(short)).toEqual([]);
  });
});
