import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isManError } from '@man/base';
import { kernelSources } from './kernels-sources.ts';
import { frameworkName, libraryNames } from './platform.ts';
import { findPackage, type TfjsPackage } from './tfjs-package.ts';
import type { LocateOptions, Stamp } from './types.ts';

/** What {@link status} found. */
export interface Status {
  /** Whether the addon and its library are in place, as they were when they were checked. */
  readonly ready: boolean;
  /** Why not, as half a sentence; empty when ready. */
  readonly reason: string;
  readonly packageDir: string | undefined;
  readonly stamp: Stamp | undefined;
}

/**
 * Whether native TensorFlow is installed: a few file look-ups, nothing is started or loaded.
 *
 * @example
 * ```ts
 * import { status } from '@man/native';
 *
 * const engine = status().ready ? 'tensorflow' : 'wasm';
 * ```
 */
export function status(options: LocateOptions = {}): Status {
  try {
    const found = findPackage(options);
    const stamp = readStamp(found);
    const reason = stamp === undefined ? 'nothing was installed yet' : whatChanged(found, stamp);
    return { ready: reason === '', reason, packageDir: found.dir, stamp };
  } catch (error) {
    if (!isManError(error)) throw error;
    return { ready: false, reason: error.message, packageDir: undefined, stamp: undefined };
  }
}

/** The stamp of a package, `undefined` when there is none or it cannot be read. */
export function readStamp(found: TfjsPackage): Stamp | undefined {
  try {
    const stamp = JSON.parse(readFileSync(found.stamp, 'utf8')) as Stamp;
    return stamp.schema === 1 ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/** When the stamp was written, in milliseconds; 0 when there is none. */
export function stampTime(found: TfjsPackage): number {
  return statSync(found.stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** What the stamp names and is no longer so, as half a sentence; empty when all is in place. */
export function whatChanged(found: TfjsPackage, stamp: Stamp): string {
  if (stamp.packageName !== found.name || stamp.packageVersion !== found.version) return 'the npm package was changed since';
  if (stamp.addon !== found.addon) return 'the addon was built for another place or N-API level';
  if (fileSize(found.addon) !== stamp.addonBytes) return 'the addon is missing or was changed';
  if (realPath(found.link) !== stamp.libraryDir) return 'the link to the library is missing, broken or leads elsewhere';
  if (!hasLibrary(stamp.libraryDir)) return 'the library is missing';
  if (stamp.source !== 'foreign' && stamp.kernels?.sources !== kernelSources()) return 'the training kernels are of another version';
  if (stamp.kernels?.file !== undefined && fileSize(stamp.kernels.file) !== stamp.kernels.bytes) return 'the training kernels are missing';
  return '';
}

/** Whether a folder holds libtensorflow and its framework library. */
export function hasLibrary(dir: string): boolean {
  return libraryIn(dir) !== undefined;
}

/** The file name of the library in `dir`, if it and the framework library are there. */
export function libraryIn(dir: string): string | undefined {
  if (fileSize(join(dir, frameworkName())) === undefined) return undefined;
  return libraryNames().find((name) => fileSize(join(dir, name)) !== undefined);
}

function fileSize(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
