import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Checker, type ImageSplit, type PublishedFile, type Verification, type VerifyOptions } from '@man/data';
import { DEVKIT } from './devkit.ts';
import { type ImagenetOptions, imagenet } from './imagenet.ts';
import { locate, TRAIN_TAR, VAL_TAR } from './locate.ts';

const md5 = (name: string, bytes: number, hex: string): PublishedFile => ({ name, bytes, checksum: { algorithm: 'md5', hex } });

/** Sizes and checksums as published by torchvision. */
const FILES: readonly PublishedFile[] = [
  md5(TRAIN_TAR, 147_897_477_120, '1d675b47d978889d74fa0da5fadfb00e'),
  md5(VAL_TAR, 6_744_924_160, '29b22e2961454d5413ddabcf34fc5622'),
];
const DEVKIT_MD5 = 'fa75699e90414af021442c21a62c3abf';
/** Of the validation pictures in the order of their numbers. */
const FIRST_LABELS = [65, 970, 230, 809, 516, 57, 334, 415, 674, 332];

/**
 * Compares what is there with what was published: sizes and checksums of archives (of 155 GB, which takes its time), numbers of pictures and
 * classes, first labels.
 *
 * @throws `MAN_IMAGENET_NOT_FOUND` where there is nothing
 */
export async function verifyImagenet(options: VerifyOptions & Pick<ImagenetOptions, 'layout' | 'onIndex'> = {}): Promise<Verification> {
  const { dataDir, env, signal, layout, onIndex } = options;
  const { path } = locate({ dataDir, env, layout });
  const checker = new Checker(options);
  await checker.files(
    path,
    FILES.filter(({ name }) => existsSync(join(path, name))),
  );
  const devkit = join(path, `${DEVKIT}.tar.gz`);
  if (existsSync(devkit)) await checker.checksum(dirname(devkit), `${DEVKIT}.tar.gz`, { algorithm: 'md5', hex: DEVKIT_MD5 });
  const set = await checker.reading('imagenet', () => imagenet({ dataDir, env, signal, layout, onIndex }));
  if (set !== null) {
    checker.add('imagenet, classes', 1000, set.classes.length);
    checker.add('imagenet/train, pictures', 1_281_167, set.train.size);
    checker.add('imagenet/train, pictures per class', '732 to 1300', span(set.train, set.classes.length));
    checker.labels(set.test, { size: 50_000, first: FIRST_LABELS, counts: new Array<number>(1000).fill(50) });
  }
  return { dataset: 'imagenet', path, checks: checker.checks };
}

function span({ labels }: ImageSplit, classes: number): string {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  return `${Math.min(...counts)} to ${Math.max(...counts)}`;
}
