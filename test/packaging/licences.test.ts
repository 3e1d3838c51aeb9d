import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJson, rooms, root } from '../workspace.ts';

const ALLOWED = ['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0', 'Unlicense', 'Python-2.0'];

const LIBVIPS =
  'libvips under the LGPL: a shared library in a package of its own, which users may replace; nothing of it is copied or changed';

/** Packages whose package.json names no licence of the list, and why they may be used. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'linux-ppc64', 'linux-riscv64', 'linux-s390x', 'linux-x64']
      .concat(['linuxmusl-arm64', 'linuxmusl-x64'])
      .map((platform) => [`@img/sharp-libvips-${platform}`, LIBVIPS]),
  ),
  ...Object.fromEntries(['wasm32', 'win32-arm64', 'win32-ia32', 'win32-x64'].map((platform) => [`@img/sharp-${platform}`, LIBVIPS])),
};

/** Where the tests run: the tools' binaries for glibc on these have checksums. */
const COMMON_CPUS = ['x64', 'arm64'];

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
const lock = JSON.parse(text) as { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Entry>> };
const third = Object.entries(lock.packages)
  .filter(([path, entry]) => path.includes('node_modules/') && entry.link !== true)
  .map(([path, entry]) => ({ ...entry, path, name: path.slice(path.lastIndexOf('node_modules/') + 13) }));
const production = third.filter(({ dev }) => dev !== true);

/** `(MIT OR GPL-3.0)` may be used when one side may, `MIT AND ISC` when both may. */
function mayBeUsed(expression: string): boolean {
  const bare = expression.replace(/^\((.*)\)$/, '$1');
  if (bare.includes(' OR ')) return bare.split(' OR ').some(mayBeUsed);
  if (bare.includes(' AND ')) return bare.split(' AND ').every(mayBeUsed);
  return ALLOWED.includes(bare);
}

describe('licences of what users install', () => {
  it('are free ones, each', () => {
    expect(production.length).toBeGreaterThan(50);
    const refused = production.filter(({ name, license }) => EXCEPTIONS[name] === undefined && !mayBeUsed(license ?? ''));
    expect(refused.map(({ name, version, license }) => `${name}@${version}: ${license ?? 'no licence named'}`)).toEqual([]);
  });

  it('have no exception that is not needed', () => {
    const needed = production.filter(({ license }) => !mayBeUsed(license ?? '')).map(({ name }) => name);
    expect(Object.keys(EXCEPTIONS).filter((name) => !needed.includes(name))).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('names no host of a registry', () => {
    expect(third.filter(({ resolved }) => resolved !== undefined).map(({ path, resolved }) => `${path}: ${resolved}`)).toEqual([]);
    expect(text.match(/https?:\/\/[^"]*(registry|npmjs|artifact|nexus|mirror)[^"]*/g) ?? []).toEqual([]);
  });

  it('has a checksum for every package', () => {
    // Tools' binaries for other platforms may be pinned by version alone: not every registry serves them.
    const isElsewhere = ({ optional, dev, os, cpu, libc }: Entry) =>
      optional === true &&
      dev === true &&
      !(os?.includes('linux') && cpu?.some((name) => COMMON_CPUS.includes(name)) && !libc?.includes('musl'));
    expect(third.filter((entry) => !entry.integrity?.startsWith('sha512-') && !isElsewhere(entry)).map(({ path }) => path)).toEqual([]);
  });

  it('has what every platform needs of the optional packages', () => {
    const has = (path: string, name: string) => lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`];
    const absent = third.flatMap(({ path, optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}).filter((name) => !has(path, name)),
    );
    expect(absent).toEqual([]);
  });

  it('agrees with every package.json', () => {
    const fields = ['version', 'dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies', 'bin', 'engines'] as const;
    const stale = rooms.flatMap((room) => {
      const locked = lock.packages[`${room.kind}s/${room.name}`] as Record<string, unknown> | undefined;
      // npm writes `bin` without the leading `./`.
      const plain = (value: unknown) => JSON.stringify(value ?? {}).replaceAll('"./', '"');
      return fields.filter((field) => plain(locked?.[field]) !== plain(room.manifest[field])).map((field) => `${room.name}: ${field}`);
    });
    expect(stale).toEqual([]);
    expect((lock.packages[''] as Record<string, unknown>).devDependencies).toEqual(readJson(join(root, 'package.json')).devDependencies);
  });
});
