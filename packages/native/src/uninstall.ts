import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { clearCache } from './cache.ts';
import { isLink, unlinkLibrary } from './compile.ts';
import { writingTo } from './files.ts';
import { kernelsFile, quietFile } from './kernels-sources.ts';
import { withLock } from './lock.ts';
import { cacheRoot } from './platform.ts';
import { readStamp } from './status.ts';
import { findPackage, type TfjsPackage } from './tfjs-package.ts';
import type { LocateOptions } from './types.ts';

/** Options of {@link uninstall}. */
export interface UninstallOptions extends LocateOptions {
  /** Also empty the cache, for all packages of this user that are linked to it. Default false. */
  readonly cache?: boolean;
  readonly signal?: AbortSignal;
}

/** What {@link uninstall} removed. */
export interface UninstallResult {
  readonly removed: readonly string[];
}

/**
 * Takes away what {@link install} put into the npm package, and the cached libraries when asked to; an addon that was there before stays.
 *
 * @throws MAN_NATIVE_NO_PACKAGE unless `cache` is set
 */
export async function uninstall(options: UninstallOptions = {}): Promise<UninstallResult> {
  const lock = { signal: options.signal, onWait: () => undefined };
  const removed: string[] = [];
  const target = locate(options);
  if (target !== undefined) {
    await writingTo('package', target.dir, () =>
      withLock(target.dir, '.man-native', lock, async () => void removed.push(...(await removeFromPackage(target)))),
    );
  }
  if (options.cache) {
    const root = cacheRoot(options.cacheDir, options.env ?? process.env);
    removed.push(...(await clearCache(root, lock)));
  }
  return { removed };
}

function locate(options: UninstallOptions): TfjsPackage | undefined {
  try {
    return findPackage(options);
  } catch (error) {
    if (options.cache) return undefined;
    throw error;
  }
}

async function removeFromPackage(target: TfjsPackage): Promise<string[]> {
  const foreign = readStamp(target)?.source === 'foreign';
  const ours = foreign || (await isLink(target.link)) !== true ? [] : [target.addon, kernelsFile(target), quietFile(target)];
  const present = [target.stamp, ...ours].filter((file) => existsSync(file));
  for (const file of present) await rm(file, { force: true });
  if (!foreign && (await isLink(target.link)) === true) {
    await unlinkLibrary(target);
    present.push(target.link);
  }
  return present;
}
