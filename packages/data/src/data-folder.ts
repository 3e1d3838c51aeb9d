import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where data sets are looked for, and where a download goes. */
export interface DataFolder {
  /** Folders that may hold the set, in the order they are looked in. */
  readonly search: readonly string[];
  /** Where downloads go: the first of them. */
  readonly write: string;
}

/**
 * The one place that decides where data lives: the folder that was named, then `MAN_DATA_DIR`, then the user's cache
 * (`$XDG_CACHE_HOME/man/data`, or `~/.cache/man/data`).
 *
 * @example
 * ```ts
 * dataFolder({ dataDir: 'data' }).write; // <current folder>/data
 * ```
 */
export function dataFolder(
  options: { readonly dataDir?: string | undefined; readonly env?: Readonly<NodeJS.ProcessEnv> } = {},
): DataFolder {
  const { dataDir, env = process.env } = options;
  // The XDG specification: a relative path there is to be ignored.
  const cache = env.XDG_CACHE_HOME?.startsWith('/') === true ? env.XDG_CACHE_HOME : join(homedir(), '.cache');
  const search = [dataDir, env.MAN_DATA_DIR, join(cache, 'man', 'data')]
    .filter((folder): folder is string => folder !== undefined && folder !== '')
    .map((folder) => resolve(folder));
  return { search: [...new Set(search)], write: search[0] as string };
}
