import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { packageNotFound, packageUnsupported } from './errors.ts';
import type { LocateOptions } from './types.ts';

/** The npm package whose addon is built. */
export interface TfjsPackage {
  readonly dir: string;
  readonly name: string;
  readonly version: string;
  /** The N-API level the addon is compiled for: the highest that both the package and this Node know. */
  readonly napi: number;
  /** Where the package looks for its addon. */
  readonly addon: string;
  /** Link to the folder of the library; the addon's search path leads there. */
  readonly link: string;
  readonly stamp: string;
}

const NAMES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Finds the tfjs-node(-gpu) package: the folder given, else by resolution from `cwd`, else from this package.
 *
 * @throws MAN_NATIVE_NO_PACKAGE
 * @throws MAN_NATIVE_PACKAGE
 */
export function findPackage(options: LocateOptions): TfjsPackage {
  if (options.packageDir !== undefined) return readPackage(realPath(resolve(options.packageDir)));
  const cwd = resolve(options.cwd ?? process.cwd());
  for (const from of [join(cwd, 'from-here.js'), import.meta.url]) {
    for (const name of NAMES) {
      const dir = resolvePackage(name, from);
      if (dir !== undefined) return readPackage(dir);
    }
  }
  throw packageNotFound(cwd);
}

function resolvePackage(name: string, from: string): string | undefined {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** As resolution gives it, so that a package reached through a link has one name. */
function realPath(dir: string): string {
  return existsSync(dir) ? realpathSync(dir) : dir;
}

function readPackage(dir: string): TfjsPackage {
  const file = join(dir, 'package.json');
  if (!existsSync(file)) throw packageNotFound(dir);
  const json = parse(dir, file);
  if (!NAMES.includes(json.name ?? '')) throw packageUnsupported(dir, `expected ${NAMES.join(' or ')}, it is ${String(json.name)}`);
  if (!existsSync(join(dir, 'binding', 'tfjs_backend.cc'))) throw packageUnsupported(dir, 'the source binding/tfjs_backend.cc is missing');
  const here = Number(process.versions.napi);
  const levels = (json.binary?.napi_versions ?? []).filter((level) => level <= here);
  if (levels.length === 0) throw packageUnsupported(dir, `it lists no N-API level that this Node (${here}) has`);
  const napi = Math.max(...levels);
  return {
    dir,
    name: json.name ?? '',
    version: json.version ?? '',
    napi,
    addon: join(dir, 'lib', `napi-v${napi}`, 'tfjs_binding.node'),
    link: join(dir, 'deps', 'lib'),
    stamp: join(dir, 'lib', 'man-native.json'),
  };
}

interface Manifest {
  name?: string;
  version?: string;
  binary?: { napi_versions?: number[] };
}

function parse(dir: string, file: string): Manifest {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  } catch (error) {
    throw packageUnsupported(dir, `its package.json is broken (${(error as Error).message})`);
  }
}
