import { type ByteSource, pixelsFromPlanes } from '@man/data';
import { wrongClasses, wrongContents, wrongLabel, wrongSize } from './errors.ts';
import { readPickle } from './pickle.ts';
import { PickleArray, textOf } from './pickle-values.ts';
import type { LabelKind, Layout } from './sets.ts';

/** Bytes of one picture. */
const PICTURE = 3 * 32 * 32;
const SHAPE = [32, 32, 3] as const;
/** Records read at once: 3 MB. */
const CHUNK = 1000;

/** Where the records of a file go: pictures `[records, 32, 32, 3]`, labels `[records]`. */
export interface Target {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Reads one file of a layout into place. @throws `MAN_CIFAR10_SIZE`, `MAN_CIFAR10_LABEL`, `MAN_CIFAR10_CONTENTS`, `MAN_CIFAR10_PICKLE` */
export const readBatch = (layout: Layout['name'], kind: LabelKind, source: ByteSource, target: Target) =>
  layout === 'binary' ? readBinary(kind, source, target) : readPython(kind, source, target);

async function readBinary(kind: LabelKind, source: ByteSource, { images, labels }: Target): Promise<void> {
  const record = kind.labelBytes + PICTURE;
  if (source.size !== labels.length * record) throw wrongSize(source.name, labels.length * record, source.size);
  for (let first = 0; first < labels.length; first += CHUNK) {
    const count = Math.min(CHUNK, labels.length - first);
    const bytes = await source.read(first * record, (first + count) * record);
    for (let i = 0; i < count; i++) {
      labels[first + i] = checkedLabel(kind, bytes[i * record + kind.labelAt], source.name, first + i);
      pixelsFromPlanes(bytes, i * record + kind.labelBytes, images, (first + i) * PICTURE, SHAPE, 'rows');
    }
  }
}

async function readPython(kind: LabelKind, source: ByteSource, { images, labels }: Target): Promise<void> {
  const batch = readPickle(await source.read(0, source.size), source.name);
  if (!(batch instanceof Map)) throw wrongContents(source.name, 'a dictionary', 'something else');
  const [list, data] = [batch.get(kind.labelsKey), batch.get('data')];
  if (!Array.isArray(list) || list.length !== labels.length) {
    throw wrongContents(source.name, `${labels.length} labels`, Array.isArray(list) ? String(list.length) : 'none');
  }
  if (!(data instanceof PickleArray) || data.shape.join() !== `${labels.length},${PICTURE}`) {
    throw wrongContents(source.name, `data of ${labels.length}×${PICTURE}`, data instanceof PickleArray ? data.shape.join('×') : 'none');
  }
  for (let i = 0; i < labels.length; i++) {
    labels[i] = checkedLabel(kind, list[i], source.name, i);
    pixelsFromPlanes(data.data, i * PICTURE, images, i * PICTURE, SHAPE, 'rows');
  }
}

/** Checks that the classes are named as they should be. @throws `MAN_CIFAR10_CLASSES`, `MAN_CIFAR10_CONTENTS`, `MAN_CIFAR10_PICKLE` */
export async function checkClasses(layout: Layout['name'], kind: LabelKind, source: ByteSource): Promise<void> {
  const bytes = await source.read(0, source.size);
  const names =
    layout === 'binary'
      ? new TextDecoder()
          .decode(bytes)
          .split(/\s+/)
          .filter((name) => name !== '')
      : pickledNames(bytes, kind, source.name);
  if (names.join() !== kind.classes.join()) throw wrongClasses(source.name, kind.classes, names);
}

function pickledNames(bytes: Uint8Array, { namesKey }: LabelKind, file: string): string[] {
  const meta = readPickle(bytes, file);
  const names = meta instanceof Map ? meta.get(namesKey) : null;
  if (!Array.isArray(names)) throw wrongContents(file, namesKey, 'none');
  return names.map((name) => textOf(name) ?? '?');
}

function checkedLabel({ classes }: LabelKind, label: unknown, file: string, record: number): number {
  if (typeof label !== 'number' || !(label >= 0 && label < classes.length)) throw wrongLabel(file, record, label, classes.length);
  return label;
}
