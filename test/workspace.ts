import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** Folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** One workspace folder: a package or an app. */
export interface Room {
  /** Name without the scope, e.g. `core`. */
  readonly name: string;
  readonly kind: 'package' | 'app';
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Whether a room is a page for browsers, built by vite from its index.html. */
export const isPage = ({ folder }: Room): boolean => existsSync(join(folder, 'index.html'));

/** All rooms, packages first. */
export const rooms: readonly Room[] = [...roomsIn('packages', 'package'), ...roomsIn('apps', 'app')];

/** The rooms that are published. */
export const publicRooms: readonly Room[] = rooms.filter((room) => room.manifest.private !== true);

function roomsIn(group: string, kind: Room['kind']): Room[] {
  return readdirSync(join(root, group))
    .filter((name) => existsSync(join(root, group, name, 'package.json')))
    .map((name) => ({ name, kind, folder: join(root, group, name), manifest: readJson(join(root, group, name, 'package.json')) }));
}

export function readJson<T = Manifest>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** Path as a reader of a failure wants it: from the root of the repository. */
export function short(path: string): string {
  return relative(root, path);
}

/** What a file imports, exports from or imports on demand, as written. */
export function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles.map((found) => found.fileName);
}

/** `@man/core/package.json` → `@man/core`; null for relative and `node:` specifiers. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** All TypeScript files of a room's `src`. */
export function sourceFiles(room: Room): string[] {
  return readdirSync(join(room.folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(room.folder, 'src', name))
    .sort();
}

/**
 * The files that end up in `dist`: what is reached from `src/index.ts` and the further entries of `tsup.config.ts`, or from a page and its
 * worker.
 */
export function shippedFiles(room: Room): string[] {
  if (isPage(room)) return reachedFrom(['src/main.ts', 'src/training-worker.ts'].map((entry) => join(room.folder, entry)));
  const config = readFileSync(join(room.folder, 'tsup.config.ts'), 'utf8');
  const entries = ['src/index.ts', ...[...config.matchAll(/'(src\/[^']+\.ts)'/g)].map(([, entry]) => entry as string)];
  return reachedFrom(entries.map((entry) => join(room.folder, entry)));
}

/** The files given and all that they import by a relative path, directly or not. */
export function reachedFrom(entries: readonly string[]): string[] {
  const reached = new Set<string>();
  const open = [...entries];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const specifier of importsOf(file)) if (specifier.startsWith('.')) open.push(resolve(dirname(file), specifier));
  }
  return [...reached].sort();
}
