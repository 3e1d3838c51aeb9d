import type { ByteSource } from '@man/data';
import { wrongClasses, wrongContents, wrongLabel, wrongSize } from './errors.ts';
import { CIFAR10_CLASSES, type Layout } from './layouts.ts';
import { readPickle } from './pickle.ts';
import { PickleArray, textOf } from './pickle-values.ts';

/** Pixels of one colour plane, and bytes of one picture. */
const PLANE = 32 * 32;
const PICTURE = 3 * PLANE;
/** Label and picture, in the binary version. */
const RECORD = 1 + PICTURE;
/** Records read at once: 3 MB. */
const CHUNK = 1000;

/** Where the records of a file go: pictures `[records, 32, 32, 3]`, labels `[records]`. */
export interface Target {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Reads one file of a layout into place. @throws `MAN_CIFAR10_SIZE`, `MAN_CIFAR10_LABEL`, `MAN_CIFAR10_CONTENTS`, `MAN_CIFAR10_PICKLE` */
export const readBatch = (layout: Layout['name'], source: ByteSource, target: Target) =>
  layout === 'binary' ? readBinary(source, target) : readPython(source, target);

async function readBinary(source: ByteSource, { images, labels }: Target): Promise<void> {
  if (source.size !== labels.length * RECORD) throw wrongSize(source.name, labels.length * RECORD, source.size);
  for (let first = 0; first < labels.length; first += CHUNK) {
    const count = Math.min(CHUNK, labels.length - first);
    const bytes = await source.read(first * RECORD, (first + count) * RECORD);
    for (let i = 0; i < count; i++) {
      labels[first + i] = checkedLabel(bytes[i * RECORD], source.name, first + i);
      interleave(bytes, i * RECORD + 1, images, (first + i) * PICTURE);
    }
  }
}

async function readPython(source: ByteSource, { images, labels }: Target): Promise<void> {
  const batch = readPickle(await source.read(0, source.size), source.name);
  if (!(batch instanceof Map)) throw wrongContents(source.name, 'a dictionary', 'something else');
  const [list, data] = [batch.get('labels'), batch.get('data')];
  if (!Array.isArray(list) || list.length !== labels.length) {
    throw wrongContents(source.name, `${labels.length} labels`, Array.isArray(list) ? String(list.length) : 'none');
  }
  if (!(data instanceof PickleArray) || data.shape.join() !== `${labels.length},${PICTURE}`) {
    throw wrongContents(source.name, `data of ${labels.length}×${PICTURE}`, data instanceof PickleArray ? data.shape.join('×') : 'none');
  }
  for (let i = 0; i < labels.length; i++) {
    labels[i] = checkedLabel(list[i], source.name, i);
    interleave(data.data, i * PICTURE, images, i * PICTURE);
  }
}

/** Checks that the classes are named as they should be. @throws `MAN_CIFAR10_CLASSES`, `MAN_CIFAR10_CONTENTS`, `MAN_CIFAR10_PICKLE` */
export async function checkClasses(layout: Layout['name'], source: ByteSource): Promise<void> {
  const bytes = await source.read(0, source.size);
  const names =
    layout === 'binary'
      ? new TextDecoder()
          .decode(bytes)
          .split(/\s+/)
          .filter((name) => name !== '')
      : pickledNames(bytes, source.name);
  if (names.join() !== CIFAR10_CLASSES.join()) throw wrongClasses(source.name, CIFAR10_CLASSES, names);
}

function pickledNames(bytes: Uint8Array, file: string): string[] {
  const meta = readPickle(bytes, file);
  const names = meta instanceof Map ? meta.get('label_names') : null;
  if (!Array.isArray(names)) throw wrongContents(file, 'label_names', 'none');
  return names.map((name) => textOf(name) ?? '?');
}

function checkedLabel(label: unknown, file: string, record: number): number {
  if (typeof label !== 'number' || !(label >= 0 && label <= 9)) throw wrongLabel(file, record, label);
  return label;
}

/** Red, green and blue planes to red, green, blue of each pixel. */
function interleave(planes: Uint8Array, from: number, out: Uint8Array, to: number): void {
  for (let i = 0, at = to; i < PLANE; i++) {
    out[at++] = planes[from + i] as number;
    out[at++] = planes[from + PLANE + i] as number;
    out[at++] = planes[from + 2 * PLANE + i] as number;
  }
}
