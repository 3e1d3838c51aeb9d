import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CIFAR10, CIFAR10_CLASSES, type Layout } from '../sets.ts';

const LAYOUTS = CIFAR10.layouts;

/** Records whose every byte tells where it is: planes of pictures `first`, `first + 1`, …; labels 0, 1, …, 9, 0, … */
export function records(first: number, count: number): { labels: number[]; planes: Uint8Array } {
  const labels = Array.from({ length: count }, (_, i) => (first + i) % 10);
  const planes = Uint8Array.from({ length: count * 3072 }, (_, i) => (first * 3 + i * 7 + (i >> 10) * 5) & 255);
  return { labels, planes };
}

/** A file of the binary version. */
export function binaryFile({ labels, planes }: ReturnType<typeof records>): Buffer {
  return Buffer.concat(labels.flatMap((label, i) => [Buffer.of(label), planes.subarray(i * 3072, (i + 1) * 3072)]));
}

const ascii = (text: string) => Buffer.from(text, 'latin1');
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const shortString = (text: string) => Buffer.concat([ascii('U'), Buffer.of(text.length), ascii(text)]);

/** A file of the python version, byte for byte as cPickle of Python 2 writes it (protocol 2). */
export function pythonFile({ labels, planes }: ReturnType<typeof records>, type = 'u1'): Buffer {
  return Buffer.concat([
    ascii('\x80\x02}q\x01('),
    ...[shortString('batch_label'), ascii('q\x02'), shortString('testing batch 1 of 1'), ascii('q\x03')],
    ...[shortString('labels'), ascii('q\x04]q\x05('), ...labels.map((label) => Buffer.of(0x4b, label)), ascii('e')],
    ...[shortString('data'), ascii('q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85')],
    ...[shortString('b'), ascii('\x87Rq\x09(K\x01J'), uint32(labels.length), ascii('M\x00\x0c\x86cnumpy\ndtype\nq\x0a')],
    ...[
      shortString(type),
      ascii('K\x00K\x01\x87Rq\x0b(K\x03'),
      shortString('|'),
      ascii('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T'),
    ],
    ...[uint32(planes.length), planes, ascii('tb')],
    ...[shortString('filenames'), ascii('q\x0c]q\x0d('), ...labels.map((_, i) => shortString(`picture_${i}.png`)), ascii('e'), ascii('u.')],
  ]);
}

/** The file with the class names. */
export function metaFile(layout: Layout['name'], classes: readonly string[] = CIFAR10_CLASSES): Buffer {
  if (layout === 'binary') return ascii(`${classes.join('\n')}\n\n`);
  return Buffer.concat([ascii('\x80\x02}q\x01('), shortString('label_names'), ascii(']('), ...classes.map(shortString), ascii('eu.')]);
}

/** All files of a layout, `count` records each: file i has the records i·count, i·count + 1, … */
export function layoutFiles(name: Layout['name'], count: number): [string, Buffer][] {
  const layout = LAYOUTS.find((one) => one.name === name) as Layout;
  const write = name === 'binary' ? binaryFile : pythonFile;
  return [
    [layout.names[0] as string, metaFile(name)],
    ...layout.files.map((file, i): [string, Buffer] => [file.name, write(records(i * count, count))]),
  ];
}

/** Writes them below a folder, where the set's reader looks. */
export function writeLayout(folder: string, name: Layout['name'], count: number): string {
  const target = join(folder, (LAYOUTS.find((one) => one.name === name) as Layout).folder);
  mkdirSync(target, { recursive: true });
  for (const [file, bytes] of layoutFiles(name, count)) writeFileSync(join(target, file), bytes);
  return target;
}
