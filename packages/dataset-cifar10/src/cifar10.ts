import type { Dataset, Verification, VerifyOptions } from '@man/data';
import { type CifarOptions, cifarSchema, openCifar, verifyCifar } from './cifar.ts';
import { CIFAR10, LABELS10 } from './sets.ts';

/** What {@link cifar10} can be told. `mirror` defaults to the variable `MAN_CIFAR10_URL`, if it is set. */
export type Cifar10Options = CifarOptions;

/** Options of {@link cifar10} as keys of a configuration, without those that all data sets share. */
export const cifar10Schema = cifarSchema;

/**
 * CIFAR-10: 50,000 + 10,000 pictures of 32×32 in ten classes, from the official binary or python files, packed or not, or from parquet files.
 *
 * The pictures take 184 MB, in the files' order. Normalisation and augmentation are those of the paper's training: mean 125.3, 123.0, 113.9
 * and deviation 63.0, 62.1, 66.7 of 255; 4 reflected pixels, random crop, flip.
 *
 * @throws `MAN_CIFAR10_*`; while downloading the `MAN_DATA_*` of `download` and `unpackTarGz`
 * @see Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
 *
 * @example
 * ```ts
 * const dataset = await cifar10({ onProgress: ({ bytes, total }) => report(bytes / (total ?? bytes)) });
 * const train = trainingLoader(dataset, { batch: 1024, seed: 7 });
 * ```
 */
export function cifar10(options: Cifar10Options = {}): Promise<Dataset> {
  return cifar10With(options);
}

/** {@link cifar10} of files with another number of records, for tests. */
export function cifar10With(options: Cifar10Options, records?: number): Promise<Dataset> {
  return openCifar(CIFAR10, LABELS10, options, records);
}

/**
 * Compares the files of CIFAR-10 that are there with what was published: sizes, checksums, classes, first labels.
 *
 * @throws `MAN_CIFAR10_NOT_FOUND` where there are none
 */
export function verifyCifar10(options: VerifyOptions & Pick<Cifar10Options, 'layout'> = {}): Promise<Verification> {
  return verifyCifar(CIFAR10, LABELS10, options);
}
