import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { foldersOf, namesIn } from '@man/data';
import { badOption, notFound } from './errors.ts';
import { isWnid } from './found.ts';
import type { ImagenetOptions } from './imagenet.ts';

export const TRAIN_TAR = 'ILSVRC2012_img_train.tar';
export const VAL_TAR = 'ILSVRC2012_img_val.tar';

/** Where the set is, and in which form. */
export interface Place {
  readonly layout: 'folders' | 'tar' | 'parquet';
  readonly path: string;
}

const LAYOUTS = ['folders', 'tar', 'parquet'] as const;
/** Below a folder of data sets the set may be in one of these. */
const BELOW = ['imagenet', 'ILSVRC2012', 'imagenet-1k', join('ILSVRC', 'Data', 'CLS-LOC'), '.'];

export function locate({ dataDir, env, layout = 'auto' }: Pick<ImagenetOptions, 'dataDir' | 'env' | 'layout'>): Place {
  if (layout !== 'auto' && !LAYOUTS.includes(layout)) throw badOption('layout', `'auto', '${LAYOUTS.join("', '")}'`, layout);
  const { search } = foldersOf({ dataDir, env });
  for (const folder of search) {
    for (const path of BELOW.map((name) => join(folder, name))) {
      for (const one of LAYOUTS) if ((layout === 'auto' || layout === one) && has[one](path)) return { layout: one, path };
    }
  }
  throw notFound(search);
}

const has: Readonly<Record<Place['layout'], (path: string) => boolean>> = {
  folders: (path) => namesIn(join(path, 'train')).some(isWnid),
  tar: (path) => existsSync(join(path, TRAIN_TAR)),
  parquet: (path) => parquetFiles(path) !== null,
};

export function parquetFiles(path: string): { folder: string; train: string[]; val: string[] } | null {
  for (const folder of [join(path, 'data'), path]) {
    const names = namesIn(folder)
      .filter((name) => name.endsWith('.parquet'))
      .sort();
    const half = (...prefixes: string[]) => names.filter((name) => prefixes.some((prefix) => name.startsWith(`${prefix}-`)));
    const train = half('train');
    if (train.length > 0) return { folder, train, val: half('validation', 'val') };
  }
  return null;
}
