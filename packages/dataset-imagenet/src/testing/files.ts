import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const fixtures = new URL('../../../data/src/fixtures/', import.meta.url);
export const picture = (name: string) => readFileSync(new URL(`pictures/${name}`, fixtures));
export const mat = (name: string) => readFileSync(new URL(`mat/${name}.mat`, fixtures));
export const parquet = (name: string) => readFileSync(new URL(`parquet/${name}.parquet`, fixtures));

/** Three classes whose ILSVRC2012_IDs (3, 4, 1) have another order than their wnids. */
export const WNIDS = ['n01440764', 'n02012849', 'n02119789'] as const;

/** Training pictures by class. */
export const TRAIN: Readonly<Record<string, readonly string[]>> = {
  n02119789: ['n02119789_10.JPEG', 'n02119789_9.JPEG'],
  n01440764: ['n01440764_2.JPEG'],
  n02012849: ['n02012849_5.JPEG', 'n02012849_6.JPEG', 'n02012849_7.JPEG'],
};
export const VAL = [1, 2, 3, 4].map((number) => `ILSVRC2012_val_0000000${number}.JPEG`);
/** ILSVRC2012_IDs of the validation pictures, and the wnids and labels that they stand for. */
export const TRUTH = [3, 1, 4, 1];
export const VAL_WNIDS = ['n01440764', 'n02119789', 'n02012849', 'n02119789'];
export const VAL_LABELS = [0, 2, 1, 2];

const FORMS = ['420.jpg', 'grey.jpg', 'cmyk.jpg', 'named.jpg', 'wide.jpg', 'stray-bytes.jpg'];
/** The bytes of a picture: forms differ. */
export const bytesOf = (name: string) =>
  picture(FORMS[[...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % FORMS.length] as string);

export function writeFolders(root: string, val: 'folders' | 'flat'): void {
  for (const [wnid, names] of Object.entries(TRAIN)) write(join(root, 'train', wnid), names);
  if (val === 'flat') write(join(root, 'val'), VAL);
  else VAL.forEach((name, i) => void write(join(root, 'val', VAL_WNIDS[i] as string), [name]));
}

function write(folder: string, names: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const name of names) writeFileSync(join(folder, name), bytesOf(name));
}

/** An uncompressed archive. */
export async function tar(entries: readonly (readonly [name: string, bytes: Buffer])[]): Promise<Buffer> {
  const packed = pack();
  for (const [name, bytes] of entries) packed.entry({ name }, bytes);
  packed.finalize();
  return buffer(packed as unknown as AsyncIterable<Uint8Array>);
}

/** The official archives: one of archives for training, a flat one for validation. */
export async function writeTars(root: string): Promise<void> {
  mkdirSync(root, { recursive: true });
  const inner = await Promise.all(
    Object.entries(TRAIN).map(
      async ([wnid, names]) => [`${wnid}.tar`, await tar(names.map((name) => [name, bytesOf(name)] as const))] as const,
    ),
  );
  writeFileSync(join(root, 'ILSVRC2012_img_train.tar'), await tar(inner));
  writeFileSync(join(root, 'ILSVRC2012_img_val.tar'), await tar([...VAL].reverse().map((name) => [name, bytesOf(name)] as const)));
}

export async function writeDevkit(root: string, packed: boolean, truth: string = TRUTH.join('\n')): Promise<void> {
  const files = [
    ['ILSVRC2012_devkit_t12/data/meta.mat', mat('synsets-packed')],
    ['ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt', Buffer.from(`${truth}\n`)],
    ['ILSVRC2012_devkit_t12/readme.txt', Buffer.from('read me')],
  ] as const;
  mkdirSync(root, { recursive: true });
  if (packed) return writeFileSync(join(root, 'ILSVRC2012_devkit_t12.tar.gz'), gzipSync(await tar(files)));
  for (const [name, bytes] of files) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
}
