import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DataFolder, dataFolder } from './data-folder.ts';
import type { DownloadProgress } from './download.ts';
import { diskError } from './errors.ts';

/** Where a data set is taken from: what all data sets can be told. */
export interface SourceOptions {
  /** Folder looked in first, and downloaded to. Then come `MAN_DATA_DIR` and the user's cache. */
  readonly dataDir?: string | undefined;
  /** Whether the set may be downloaded when it is nowhere. Default true. */
  readonly download?: boolean | undefined;
  /** Called while it downloads. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For proxies or credentials; see `download`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: the environment of the process. */
  readonly env?: Readonly<NodeJS.ProcessEnv> | undefined;
}

/** The folders of `options`, in the order they are looked in. */
export function foldersOf({ dataDir, env }: Pick<SourceOptions, 'dataDir' | 'env'>): DataFolder {
  return dataFolder({ dataDir, ...(env === undefined ? {} : { env }) });
}

/** The first of `folders` that holds one of the `files`, below `name` or itself; null for none. An empty folder is what a failed download leaves. */
export function findFolder(folders: readonly string[], name: string, files: readonly string[]): string | null {
  for (const folder of folders) {
    const place = [join(folder, name), folder].find((path) => files.some((file) => existsSync(join(path, file))));
    if (place !== undefined) return place;
  }
  return null;
}

/** Names of what is in a folder; none where there is no folder. @throws `MAN_DATA_DISK` for one that cannot be read */
export function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    // Absent, or a file, or a link to nowhere or to itself.
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
    throw diskError('read', path, cause);
  }
}
