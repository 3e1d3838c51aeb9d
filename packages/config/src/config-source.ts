import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { badName, tooBig, unreadable } from './errors.ts';
import { limits } from './limits.ts';
import { near } from './near.ts';

/** Where the YAML files of a configuration are read from. Paths are relative, with `/` between the parts. */
export interface ConfigSource {
  /** Begins the places in messages: `conf` in `conf/loss/dgl.yaml:4`. */
  readonly name: string;
  /** What messages call a file, where that is not name and path. */
  show?(path: string): string;
  /** The text of a file; undefined when there is no such file. */
  read(path: string): string | undefined;
  /** The names inside a folder, sorted; `''` is the folder of the configuration itself. Nothing when there is no such folder. */
  list(folder: string): readonly { readonly name: string; readonly folder: boolean }[];
}

const plainName = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;

/**
 * Refuses the name of a group or option that could lead out of the configuration folder.
 *
 * @param known names that may have been meant
 * @throws `MAN_CONFIG_NAME`
 */
export function checkName(place: string, path: string, known: readonly string[] = []): void {
  const whole = path.length <= 400 && path.split('/').every((part) => plainName.test(part) && !part.includes('..'));
  if (!whole) throw badName(place, path.slice(0, 400), near(path, known));
}

/** What messages call a file of a configuration. */
export function shownPath(source: ConfigSource, path: string): string {
  return source.show?.(path) ?? `${source.name}/${path}`;
}

/**
 * A configuration in a folder of YAML files: `config.yaml`, and a folder for each group.
 *
 * @param folder path of the folder, absolute or from the working directory, or its `file:` URL
 * @param name what messages call it; default the folder's own name
 * @throws `MAN_CONFIG_SOURCE` when it is not a readable folder
 * @example
 * ```ts
 * import { folderSource } from '@man/config';
 *
 * const source = () => folderSource(new URL('../conf', import.meta.url));
 * ```
 */
export function folderSource(folder: string | URL, name?: string): ConfigSource {
  const root = resolve(typeof folder === 'string' ? folder : fileURLToPath(folder));
  const called = name ?? basename(root);
  if (!isFolder(root)) {
    throw unreadable(`there is no configuration folder at ${folder}`, 'name the folder that holds config.yaml and the groups');
  }
  return {
    name: called,
    read(path) {
      checkName(called, path);
      return readBounded(join(root, path), `${called}/${path}`);
    },
    list(inner) {
      if (inner !== '') checkName(called, inner);
      return listFolder(join(root, inner), `${called}/${inner}`);
    },
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The size is asked before the text is read: a file of many gigabytes never reaches memory. */
function readBounded(path: string, shown: string): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > 4 * limits.characters) throw tooBig(shown, `${size} bytes`, limits.characters);
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code?.startsWith('MAN_') === true) throw error;
    throw unreadable(`${shown} cannot be read: ${(error as Error).message}`, 'make it a readable file', error);
  }
}

function listFolder(path: string, shown: string): { name: string; folder: boolean }[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, folder: entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(path, entry.name))) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw unreadable(`folder ${shown} cannot be read: ${(error as Error).message}`, 'make it a readable folder', error);
  }
}

/**
 * The configuration that a run wrote into its folder: the file as it is, without groups to choose from. For `--from`.
 *
 * @throws `MAN_CONFIG_SOURCE` when the folder is not there
 * @example
 * ```ts
 * import { compose, defineSchema, recordSource } from '@man/config';
 *
 * const schema = defineSchema({ seed: { default: 1 } });
 * export const again = (folder: string) => compose({ source: recordSource(folder), schema }).config;
 * ```
 */
export function recordSource(folder: string): ConfigSource {
  return { ...folderSource(folder, folder), list: () => [] };
}

/**
 * Two configurations as one: files of `upper` hide those of `lower` with the same path, and groups have the options of both. For
 * options and experiments of a user's own beside those of a program.
 *
 * @example
 * ```ts
 * import { folderSource, overlaySource } from '@man/config';
 *
 * const source = (mine: string) => overlaySource(folderSource(mine), folderSource('conf'));
 * ```
 */
export function overlaySource(upper: ConfigSource, lower: ConfigSource): ConfigSource {
  return {
    name: lower.name,
    show: (path) => shownPath(upper.read(path) === undefined ? lower : upper, path),
    read: (path) => upper.read(path) ?? lower.read(path),
    list(folder) {
      const both = new Map([...lower.list(folder), ...upper.list(folder)].map((entry) => [entry.name, entry]));
      return [...both.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

/** A file of overrides, from the working directory. */
export function readTextFile(path: string): string {
  const { size } = statSync(path);
  if (size > 4 * limits.characters) throw tooBig(`override file "${path}"`, `${size} bytes`, limits.characters);
  return readFileSync(path, 'utf8');
}

/**
 * A configuration held in memory, for tests and for programs without a folder.
 *
 * @param files text by path, e.g. `{ 'config.yaml': 'seed: 1', 'loss/dgl.yaml': 'type: dgl' }`
 */
export function memorySource(files: Readonly<Record<string, string>>, name = 'conf'): ConfigSource {
  const texts = new Map(Object.entries(files));
  return {
    name,
    read: (path) => texts.get(path),
    list(folder) {
      const prefix = folder === '' ? '' : `${folder}/`;
      const inner = [...texts.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length).split('/'));
      const found = new Map(inner.map((parts) => [parts[0] as string, parts.length > 1]));
      return [...found].map(([name, isFolder]) => ({ name, folder: isFolder })).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

/**
 * The groups of a configuration and their options: each folder with YAML files, by its path.
 *
 * @throws `MAN_CONFIG_TOO_BIG` beyond a thousand files
 */
export function listGroups(source: ConfigSource): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  let files = 0;
  const visit = (folder: string, depth: number) => {
    for (const { name, folder: isFolder } of source.list(folder)) {
      if (!plainName.test(name) || name.includes('..')) continue;
      files++;
      if (files > limits.files || depth > limits.depth) throw tooBig(source.name, 'files and folders', limits.files);
      const path = folder === '' ? name : `${folder}/${name}`;
      if (isFolder) visit(path, depth + 1);
      else if (folder !== '' && name.endsWith('.yaml')) {
        const options = groups.get(folder) ?? [];
        groups.set(folder, [...options, name.slice(0, -'.yaml'.length)]);
      }
    }
  };
  visit('', 0);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}
