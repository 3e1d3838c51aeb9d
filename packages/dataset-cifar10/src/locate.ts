import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from '@man/data';
import type { CifarSet, Layout } from './sets.ts';

/** The set on disk: an unpacked folder, an archive, or parquet files. */
export type Location =
  | { readonly kind: 'folder' | 'archive'; readonly layout: Layout; readonly path: string }
  | { readonly kind: 'parquet'; readonly path: string; readonly train: readonly string[]; readonly test: readonly string[] };

/** Which versions are looked for. */
export interface Wanted {
  readonly layouts: readonly Layout[];
  readonly parquet: boolean;
}

/**
 * The first of the folders that has the set in one of the layouts: unpacked below it, unpacked in it, packed, or as parquet; in this order.
 * A folder that holds only some of the files counts: better to say so than to take another copy.
 */
export function locate(folders: readonly string[], set: CifarSet, { layouts, parquet }: Wanted): Location | null {
  for (const folder of folders) {
    for (const layout of layouts) {
      const below = join(folder, layout.folder);
      if (existsSync(below)) return { kind: 'folder', layout, path: below };
      if (holds(folder, layout)) return { kind: 'folder', layout, path: folder };
    }
    for (const layout of layouts) {
      const archive = join(folder, layout.archive);
      if (existsSync(archive)) return { kind: 'archive', layout, path: archive };
    }
    const found = parquet ? parquetIn(folder, set) : null;
    if (found !== null) return found;
  }
  return null;
}

/** Whether the files themselves are there. `train` and `test` are common names, so that more than the first is asked for. */
const holds = (folder: string, { files, names }: Layout) =>
  existsSync(join(folder, files[0]?.name as string)) && (files.length > 2 || names.some((name) => existsSync(join(folder, name))));

/** As hubs lay it out: `cifar10/plain_text/train-00000-of-00001.parquet`, or without the folder in between. */
function parquetIn(folder: string, { parquetFolders, name }: CifarSet): Location | null {
  const below = parquetFolders.flatMap((base) => [
    join(folder, base, 'plain_text'),
    join(folder, base, name),
    join(folder, base, 'data'),
    join(folder, base),
  ]);
  for (const path of below) {
    const files = namesIn(path)
      .filter((file) => file.endsWith('.parquet'))
      .sort();
    const half = (prefix: string) => files.filter((file) => file.startsWith(`${prefix}-`)).map((file) => join(path, file));
    if (files.length > 0) return { kind: 'parquet', path, train: half('train'), test: half('test') };
  }
  return null;
}
