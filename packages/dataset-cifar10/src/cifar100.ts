import { defineSchema, oneOf } from '@man/base';
import type { Dataset, Verification, VerifyOptions } from '@man/data';
import { type CifarOptions, cifarSchema, openCifar, verifyCifar } from './cifar.ts';
import { unknownLabels } from './errors.ts';
import { CIFAR100, LABELS100 } from './sets.ts';

/** What {@link cifar100} can be told. `mirror` defaults to the variable `MAN_CIFAR100_URL`, if it is set. */
export interface Cifar100Options extends CifarOptions {
  /** Which labels: the hundred classes (`'fine'`, default), or the twenty that they belong to. */
  readonly labels?: 'fine' | 'coarse' | undefined;
}

/** Options of {@link cifar100} as keys of a configuration, without those that all data sets share. */
export const cifar100Schema = defineSchema({
  labels: { doc: 'The hundred classes, or the twenty that they belong to.', default: 'fine', format: oneOf('fine', 'coarse') },
  ...cifarSchema,
});

/**
 * CIFAR-100: 50,000 + 10,000 pictures of 32×32 in a hundred classes, or twenty, from the official binary or python files, packed or not, or
 * from parquet files.
 *
 * Augmentation is that of CIFAR-10; mean and deviation are those of all pixels of the training half.
 *
 * @throws `MAN_CIFAR10_*`; while downloading the `MAN_DATA_*` of `download` and `unpackTarGz`
 * @see Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
 *
 * @example
 * ```ts
 * const dataset = await cifar100();
 * const train = trainingLoader(dataset, { batch: 1024, seed: 7 });
 * ```
 */
export function cifar100(options: Cifar100Options = {}): Promise<Dataset> {
  return cifar100With(options);
}

/** {@link cifar100} of files with another number of records, for tests. */
export async function cifar100With({ labels = 'fine', ...options }: Cifar100Options, records?: number): Promise<Dataset> {
  if (!Object.hasOwn(LABELS100, labels)) throw unknownLabels(labels);
  return openCifar(CIFAR100, LABELS100[labels], options, records);
}

/**
 * Compares the files of CIFAR-100 that are there with what was published: sizes, checksums, classes, first labels.
 *
 * @throws `MAN_CIFAR10_NOT_FOUND` where there are none
 */
export function verifyCifar100(options: VerifyOptions & Pick<Cifar100Options, 'layout'> = {}): Promise<Verification> {
  return verifyCifar(CIFAR100, LABELS100.fine, options);
}
