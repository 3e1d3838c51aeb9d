import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layouts.ts';

/** The set on disk: an unpacked folder, or an archive. */
export interface Location {
  readonly layout: Layout;
  readonly path: string;
  readonly packed: boolean;
}

/**
 * The first of the folders that has the set in one of the layouts: unpacked below it, unpacked in it, or packed; in this order.
 * A folder that holds only some of the files counts: better to say so than to take another copy.
 */
export function locate(folders: readonly string[], layouts: readonly Layout[]): Location | null {
  for (const folder of folders) {
    for (const layout of layouts) {
      const below = join(folder, layout.folder);
      if (existsSync(below)) return { layout, path: below, packed: false };
      if (existsSync(join(folder, layout.files[0]?.name as string))) return { layout, path: folder, packed: false };
    }
    for (const layout of layouts) {
      const archive = join(folder, layout.archive);
      if (existsSync(archive)) return { layout, path: archive, packed: true };
    }
  }
  return null;
}
