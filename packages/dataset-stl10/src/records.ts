import { allocateImages, type ByteSource, fileSource, type ImageReader, type ImageShape, pixelsFromPlanes } from '@man/data';
import { wrongContents } from './errors.ts';
import { STL10_CLASSES } from './files.ts';

export const SHAPE: ImageShape = [96, 96, 3];
const PICTURE = 96 * 96 * 3;
/** Pictures read at once: 2.8 MB. */
const CHUNK = 100;
/** More than the set has are refused before memory is made for them. */
const MAX_PICTURES = 20_000;

/** How many pictures a file holds. @throws `MAN_STL10_CONTENTS` */
export function picturesIn({ name, size }: ByteSource, most = MAX_PICTURES): number {
  if (size === 0 || size % PICTURE !== 0 || size / PICTURE > most) {
    throw wrongContents(name, `1 to ${most} pictures of ${PICTURE} bytes`, `${size} bytes`);
  }
  return size / PICTURE;
}

/** All pictures of a file, upright. @throws `MAN_STL10_CONTENTS`, `MAN_DATA_DISK` */
export async function readPictures(source: ByteSource): Promise<Uint8Array> {
  const size = picturesIn(source);
  const images = allocateImages(size, SHAPE);
  for (let first = 0; first < size; first += CHUNK) {
    const count = Math.min(CHUNK, size - first);
    const planes = await source.read(first * PICTURE, (first + count) * PICTURE);
    for (let i = 0; i < count; i++) pixelsFromPlanes(planes, i * PICTURE, images, (first + i) * PICTURE, SHAPE, 'columns');
  }
  return images;
}

/** Labels 0 … 9; the file has 1 … 10. @throws `MAN_STL10_CONTENTS`, `MAN_DATA_DISK` */
export async function readLabels(source: ByteSource, pictures: number): Promise<Uint8Array> {
  if (source.size !== pictures) throw wrongContents(source.name, `${pictures} labels, one per picture`, `${source.size} bytes`);
  const bytes = await source.read(0, source.size);
  return Uint8Array.from(bytes, (label, i) => {
    if (label < 1 || label > 10) throw wrongContents(source.name, `a label of 1 to 10 for picture ${i}`, String(label));
    return label - 1;
  });
}

/** Ten lists of training pictures, 0-based. @throws `MAN_STL10_CONTENTS`, `MAN_DATA_DISK` */
export async function readFolds(source: ByteSource, pictures: number): Promise<readonly Uint32Array[]> {
  const lines = (await textOf(source)).trim().split('\n');
  if (lines.length !== 10) throw wrongContents(source.name, '10 lines', String(lines.length));
  return lines.map((line, fold) => {
    const words = line.trim().split(/\s+/);
    return Uint32Array.from(words, (word) => {
      const index = /^\d{1,6}$/.test(word) ? Number(word) : Number.NaN;
      if (!(index < pictures)) throw wrongContents(source.name, `indices of 0 to ${pictures - 1} in line ${fold + 1}`, word.slice(0, 20));
      return index;
    });
  });
}

/** @throws `MAN_STL10_CONTENTS`, `MAN_DATA_DISK` */
export async function checkClasses(source: ByteSource): Promise<void> {
  const names = (await textOf(source)).split(/\s+/).filter((name) => name !== '');
  if (names.join() !== STL10_CLASSES.join()) throw wrongContents(source.name, STL10_CLASSES.join(' '), names.join(' ').slice(0, 200));
}

async function textOf(source: ByteSource): Promise<string> {
  if (source.size > 1e6) throw wrongContents(source.name, 'a short text', `${source.size} bytes`);
  return new TextDecoder('latin1').decode(await source.read(0, source.size));
}

/** Pictures that are read from the file when they are needed. Each opens it anew, so that nothing has to be closed. */
export function pictureReader(file: string): ImageReader {
  return {
    async read(index, out) {
      const source = await fileSource(file);
      try {
        pixelsFromPlanes(await source.read(index * PICTURE, (index + 1) * PICTURE), 0, out, 0, SHAPE, 'columns');
      } finally {
        await source.close();
      }
    },
  };
}
