import { allocateImages, fileSource, type ImageShape, type ImageSplit, type MatVariable, pixelsFromPlanes, readMat } from '@man/data';
import { wrongContents, wrongLabel } from './errors.ts';
import type { Part } from './files.ts';

export const SHAPE: ImageShape = [32, 32, 3];
const PICTURE = 32 * 32 * 3;
/** More pictures than any part has are refused before memory is made for them. */
const MAX_PICTURES = 600_000;

/** Pictures and labels of some files, one behind the other. @throws `MAN_SVHN_CONTENTS`, `MAN_SVHN_LABEL`, `MAN_DATA_MAT`, `MAN_DATA_DISK` */
export async function readParts(name: Part, files: readonly string[]): Promise<ImageSplit> {
  const parts = [];
  for (const file of files) parts.push(await readPart(file));
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return splitOf(name, first);
  const size = parts.reduce((sum, part) => sum + part.labels.length, 0);
  const all = { images: allocateImages(size, SHAPE), labels: new Uint8Array(size) };
  let at = 0;
  for (const { images, labels } of parts) {
    all.images.set(images, at * PICTURE);
    all.labels.set(labels, at);
    at += labels.length;
  }
  return splitOf(name, all);
}

interface Pictures {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

const splitOf = (name: Part, { images, labels }: Pictures): ImageSplit => ({
  name: `svhn/${name}`,
  size: labels.length,
  imageShape: SHAPE,
  images,
  labels,
});

async function readPart(file: string): Promise<Pictures> {
  const source = await fileSource(file);
  let images: Uint8Array | undefined;
  let labels: Int32Array | undefined;
  try {
    await readMat(source, async (variable) => {
      if (variable.name === 'X') images = await readPictures(file, variable);
      if (variable.name === 'y') labels = await readLabels(file, variable);
    });
  } finally {
    await source.close();
  }
  if (images === undefined || labels === undefined) throw wrongContents(file, 'variables X and y', images === undefined ? 'no X' : 'no y');
  const size = images.length / PICTURE;
  if (labels.length !== size) throw wrongContents(file, `${size} labels, one per picture`, String(labels.length));
  return { images, labels: Uint8Array.from(labels, (label, i) => digit(file, label, i)) };
}

async function readPictures(file: string, variable: MatVariable): Promise<Uint8Array> {
  const { dims } = variable;
  // MATLAB drops a last dimension of 1.
  const size = dims.length === 3 ? 1 : (dims[3] ?? 0);
  if (dims.slice(0, 3).join() !== '32,32,3' || dims.length > 4 || size < 1 || size > MAX_PICTURES) {
    throw wrongContents(file, 'X of 32×32×3×N', dims.join('×'));
  }
  const images = allocateImages(size, SHAPE);
  await variable.read(images);
  const planes = new Uint8Array(PICTURE);
  for (let i = 0; i < images.length; i += PICTURE) {
    planes.set(images.subarray(i, i + PICTURE));
    pixelsFromPlanes(planes, 0, images, i, SHAPE, 'columns');
  }
  return images;
}

async function readLabels(file: string, variable: MatVariable): Promise<Int32Array> {
  const size = variable.dims.reduce((product, length) => product * length, 1);
  if (size > MAX_PICTURES || Math.max(...variable.dims) !== size) throw wrongContents(file, 'y of N×1', variable.dims.join('×'));
  const labels = new Int32Array(size);
  await variable.read(labels);
  return labels;
}

function digit(file: string, label: number, picture: number): number {
  if (!(label >= 1 && label <= 10)) throw wrongLabel(file, picture, label);
  return label % 10;
}
