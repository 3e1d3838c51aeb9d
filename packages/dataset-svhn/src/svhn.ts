import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineSchema, oneOf, text } from '@man/base';
import {
  Checker,
  type Dataset,
  download,
  findFolder,
  foldersOf,
  type ImageSplit,
  type SourceOptions,
  type Verification,
  type VerifyOptions,
} from '@man/data';
import { notFound, unknownExtra } from './errors.ts';
import { FILES, LABELS, type Part, URL } from './files.ts';
import { readParts, SHAPE } from './read-part.ts';

/** What {@link svhn} can be told. */
export interface SvhnOptions extends SourceOptions {
  /**
   * The 531,131 further, easier pictures (1.3 GB): `'none'` (default) leaves them alone, `'separate'` gives them as `extra`, `'joined'` adds
   * them to the training half.
   */
  readonly extra?: 'none' | 'separate' | 'joined' | undefined;
  /** Folder to download from instead of the authors' page. Default: the variable `MAN_SVHN_URL`, if it is set. */
  readonly mirror?: string | undefined;
}

/** Options of {@link svhn} as keys of a configuration, without those that all data sets share. */
export const svhnSchema = defineSchema({
  extra: {
    doc: 'The 531,131 easier pictures: left alone, given separately, or joined to those that are trained on.',
    default: 'none',
    format: oneOf('none', 'separate', 'joined'),
  },
  mirror: { doc: "Folder to download from instead of the authors' page.", default: null, format: text, nullable: true },
});

/** {@link Dataset} with the further pictures, where they were asked for. */
export interface SvhnDataset extends Dataset {
  readonly extra: ImageSplit | null;
}

/**
 * SVHN, format 2: 73,257 + 26,032 cropped digits of 32×32 from photographs of house numbers, from the official MATLAB files.
 *
 * Labels are the digits, 0 … 9. Normalisation and augmentation are those of the paper's training: mean and deviation 127.5 of 255; 2 black
 * pixels around, random crop, no flip. For non-commercial use only.
 *
 * @throws `MAN_SVHN_*`, `MAN_DATA_MAT`; while downloading the `MAN_DATA_*` of `download`
 * @see Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning", NIPS workshop 2011
 *
 * @example
 * ```ts
 * const dataset = await svhn();
 * const train = trainingLoader(dataset, { batch: 1024, seed: 7 });
 * ```
 */
export async function svhn(options: SvhnOptions = {}): Promise<SvhnDataset> {
  const { extra = 'none' } = options;
  if (!['none', 'separate', 'joined'].includes(extra)) throw unknownExtra(extra);
  const parts: Part[] = ['train', 'test', ...(extra === 'none' ? [] : (['extra'] as const))];
  const folder = await provide(parts, options);
  const file = (part: Part) => join(folder, FILES[part].name);
  return {
    name: 'svhn',
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    imageShape: SHAPE,
    train: await readParts('train', extra === 'joined' ? [file('train'), file('extra')] : [file('train')]),
    test: await readParts('test', [file('test')]),
    extra: extra === 'separate' ? await readParts('extra', [file('extra')]) : null,
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    augmentation: { pad: 2, padMode: 'zero', crop: 32, flip: false },
  };
}

/** The folder with the files of the parts; what it lacks is downloaded into it. */
async function provide(parts: readonly Part[], options: SvhnOptions): Promise<string> {
  const folders = foldersOf(options);
  const names = parts.map((part) => FILES[part].name);
  const folder = findFolder(folders.search, 'svhn', names) ?? join(folders.write, 'svhn');
  const missing = parts.filter((part) => !existsSync(join(folder, FILES[part].name)));
  const mirror = (options.mirror ?? (options.env ?? process.env).MAN_SVHN_URL) || URL;
  if (options.download === false && missing.length > 0) {
    throw notFound(
      folders.search,
      missing.map((part) => FILES[part].name),
      mirror,
    );
  }
  const { onProgress, signal, fetch } = options;
  for (const part of missing) {
    const { name, checksum } = FILES[part];
    const get = { url: `${mirror}/${name}`, file: join(folder, name), onProgress, signal, fetch };
    await download({ ...get, ...(checksum === null ? {} : { checksum }) });
  }
  return folder;
}

/**
 * Compares the files that are there with what was published: sizes, checksums, numbers of pictures and classes, first labels. The further
 * pictures are checked where they are.
 *
 * @throws `MAN_SVHN_NOT_FOUND` where there is none
 */
export async function verifySvhn(options: VerifyOptions = {}): Promise<Verification> {
  const { search } = foldersOf(options);
  const [train, test, extra] = [FILES.train, FILES.test, FILES.extra];
  const folder = findFolder(search, 'svhn', [train.name, test.name]);
  if (folder === null) throw notFound(search, [train.name, test.name], URL);
  const checker = new Checker(options);
  await checker.files(folder, [train, test, ...(existsSync(join(folder, extra.name)) ? [extra] : [])]);
  for (const part of ['train', 'test'] as const) {
    const { name } = FILES[part];
    const split = existsSync(join(folder, name)) ? await checker.reading(name, () => readParts(part, [join(folder, name)])) : null;
    if (split !== null) checker.labels(split, LABELS[part]);
  }
  return { dataset: 'svhn', path: folder, checks: checker.checks };
}
