import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importsOf, packageOf, type Room, reachedFrom, readJson, rooms, root, shippedFiles, short, sourceFiles } from '../workspace.ts';

/**
 * Who may import whom, from the top of the house to its floor. A star stands for any ending. Rooms of one line are
 * siblings and never import each other; `@man/base` may be imported by everyone.
 */
const HOUSE: readonly (readonly [rooms: string, mayImport: string])[] = [
  ['reproduce playground', '*'],
  ['checkpoint', 'track data nn core ops'],
  ['layers', 'plugin core ops'],
  ['analysis backbone-* loss-* dataset-* plugin extras track testkit', 'data nn core ops'],
  ['data nn', 'core ops'],
  ['core', 'ops'],
  ['ops', ''],
  ['config launch native', ''],
  ['base', ''],
];

/** The rooms that need Node; all others also run in a browser. */
const NODE_ROOMS = 'config launch native data dataset-cifar10 dataset-imagenet dataset-stl10 dataset-svhn track checkpoint reproduce';

/** The only rooms that name a backend of TensorFlow.js: one chooses it, one compiles its addon, two are applications. */
const BACKEND_ROOMS = 'ops native reproduce playground';

const matches = (patterns: string, name: string) =>
  patterns.split(' ').some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
const lineOf = (room: Room) => HOUSE.findIndex(([names]) => matches(names, room.name));
const isApp = (name: string) => matches(HOUSE[0]![0], name);
const mayImport = (room: Room, other: string) =>
  room.name !== 'base' && !isApp(other) && (other === 'base' || matches(HOUSE[lineOf(room)]![1], other));
const mine = (names: Iterable<string>) => [...new Set(names)].filter((name) => name.startsWith('@man/')).sort();

const all = rooms.map((room) => {
  const shipped = shippedFiles(room);
  const imports = shipped.flatMap((file) => importsOf(file).map((specifier) => ({ file: short(file), specifier })));
  return { room, name: room.manifest.name, shipped, imports, packages: imports.flatMap(({ specifier }) => packageOf(specifier) ?? []) };
});

describe('the table of the house', () => {
  it('has each room once', () => {
    const lines = (room: Room) => HOUSE.filter(([names]) => matches(names, room.name)).length;
    expect(rooms.filter((room) => lines(room) !== 1).map((room) => room.name)).toEqual([]);
  });

  it('lets imports only point downwards', () => {
    const upwards = rooms.flatMap((room) =>
      rooms
        .filter((other) => mayImport(room, other.name) && other.name !== 'base' && lineOf(other) <= lineOf(room))
        .map((other) => `${room.name} -> ${other.name}`),
    );
    expect(upwards).toEqual([]);
  });
});

describe.each(all)('$name', ({ room, shipped, imports, packages }) => {
  const { dependencies = {}, peerDependencies = {}, optionalDependencies = {}, devDependencies = {} } = room.manifest;
  const runtime = { ...dependencies, ...peerDependencies, ...optionalDependencies };
  const below = rooms.filter((other) => dependencies[other.manifest.name] !== undefined);
  const peersBelow = below.flatMap((other) => Object.keys(other.manifest.peerDependencies ?? {}));

  it('imports only rooms below it', () => {
    const wrong = imports.filter(({ specifier }) => specifier.startsWith('@man/') && !mayImport(room, packageOf(specifier)!.slice(5)));
    expect(wrong).toEqual([]);
  });

  it('depends only on rooms below it', () => {
    expect(mine(Object.keys(runtime)).filter((name) => !mayImport(room, name.slice(5)))).toEqual([]);
  });

  it('declares what it imports', () => {
    expect([...new Set(packages)].filter((name) => runtime[name] === undefined)).toEqual([]);
  });

  it('uses what it declares', () => {
    const text = shipped.map((file) => readFileSync(file, 'utf8')).join('\n');
    const isNamed = (name: string) => !name.startsWith('@man/') && new RegExp(`['"]${name}[/'"]`).test(text);
    const isUsed = (name: string) => packages.includes(name) || isNamed(name) || peersBelow.includes(name);
    const isEngine = (name: string) => room.kind === 'app' && name.startsWith('@tensorflow/');
    expect(Object.keys(runtime).filter((name) => !isUsed(name) && !isEngine(name))).toEqual([]);
  });

  it('passes on the peer dependencies of the rooms it depends on', () => {
    expect(peersBelow.filter((name) => runtime[name] === undefined)).toEqual([]);
  });

  it('declares what its tests import, and uses what it declares for them', () => {
    const tests = sourceFiles(room).filter((file) => !shipped.includes(file));
    const imported = new Set(tests.flatMap((file) => importsOf(file).flatMap((specifier) => packageOf(specifier) ?? [])));
    const tools = readJson(`${root}/package.json`).devDependencies;
    const known = { ...tools, ...runtime, ...devDependencies };
    expect([...imported].filter((name) => !name.startsWith('@man/') && known[name] === undefined)).toEqual([]);
    const isUsed = (name: string) => imported.has(name) || packages.includes(name);
    expect(Object.keys(devDependencies).filter((name) => !isUsed(name.replace('@types/', '')))).toEqual([]);
  });

  it('reaches no file outside its src', () => {
    expect(shipped.filter((file) => !file.startsWith(`${room.folder}/src/`)).map(short)).toEqual([]);
  });

  it('has no source that nothing reaches', () => {
    const tests = sourceFiles(room).filter((file) => /\.(test|bench)\.ts$/.test(file));
    const reached = new Set([...shipped, ...reachedFrom(tests)]);
    expect(
      sourceFiles(room)
        .filter((file) => !reached.has(file))
        .map(short),
    ).toEqual([]);
  });

  it('ships no test', () => {
    expect(shipped.filter((file) => file.endsWith('.test.ts')).map(short)).toEqual([]);
    expect(packages).not.toContain('vitest');
  });

  if (!matches(NODE_ROOMS, room.name))
    it('imports nothing of Node', () => {
      expect(imports.filter(({ specifier }) => specifier.startsWith('node:'))).toEqual([]);
      const isAllowed = room.kind === 'app' ? /^@(tensorflow|man)\// : /^(@tensorflow\/tfjs$|@man\/)/;
      expect(packages.filter((name) => !isAllowed.test(name))).toEqual([]);
    });

  it('names Node modules with their prefix', () => {
    const bare = /^(fs|path|os|url|util|crypto|stream|zlib|http|https|net|child_process|worker_threads|module|events|timers|readline)$/;
    expect(packages.filter((name) => bare.test(name))).toEqual([]);
  });

  if (!matches(BACKEND_ROOMS, room.name))
    it('names no backend of TensorFlow.js', () => {
      const backend = /@tensorflow\/tfjs-(node|node-gpu|backend-[a-z]+)\b/;
      expect(shipped.filter((file) => backend.test(readFileSync(file, 'utf8'))).map(short)).toEqual([]);
      expect(Object.keys(runtime).filter((name) => backend.test(name))).toEqual([]);
    });
});
