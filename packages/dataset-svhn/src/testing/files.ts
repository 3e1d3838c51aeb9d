import { deflateSync } from 'node:zlib';

/** A pixel that tells where it is. */
export const pixelOf = (picture: number, y: number, x: number, c: number) => (picture * 31 + y * 7 + x * 3 + c * 85) & 255;
/** The digit of a picture; every fourth is 0. */
export const labelOf = (picture: number) => (picture % 4 === 3 ? 0 : (picture % 9) + 1);

interface Form {
  /** Default true, as the official files are. */
  readonly packed?: boolean;
  /** How labels are stored. */
  readonly y?: 'double' | 'uint8';
  /** As in the file: 10 for the digit 0. */
  readonly labels?: readonly number[];
  readonly names?: readonly [string, string];
  readonly side?: number;
}

/** A file as MATLAB writes it, of `count` pictures from `first` on. */
export function matFile(first: number, count: number, form: Form = {}): Buffer {
  const { packed = true, y = 'double', names = ['X', 'y'], side = 32 } = form;
  const labels = form.labels ?? Array.from({ length: count }, (_, i) => labelOf(first + i) || 10);
  const pixels = new Uint8Array(side * side * 3 * count);
  for (let i = 0, at = 0; i < count; i++)
    for (let c = 0; c < 3; c++)
      for (let x = 0; x < side; x++) for (let row = 0; row < side; row++) pixels[at++] = pixelOf(first + i, row, x, c);
  const header = Buffer.alloc(128);
  header.write('MATLAB 5.0 MAT-file');
  header.writeUInt16LE(0x0100, 124);
  header.write('IM', 126);
  const numbers = y === 'uint8' ? Buffer.from(labels) : Buffer.from(Float64Array.from(labels).buffer);
  const variables = [
    matrix(9, [side, side, 3, count], names[0], 2, pixels),
    matrix(y === 'uint8' ? 9 : 6, [labels.length, 1], names[1], y === 'uint8' ? 2 : 9, numbers),
  ];
  return Buffer.concat([header, ...variables.map((variable) => (packed ? compressed(variable) : variable))]);
}

const words = (...values: number[]) => Buffer.from(Int32Array.from(values).buffer);
const element = (type: number, data: Uint8Array) =>
  Buffer.concat([words(type, data.length), data, Buffer.alloc((8 - (data.length % 8)) % 8)]);
const matrix = (kind: number, dims: readonly number[], name: string, storage: number, data: Uint8Array) =>
  element(
    14,
    Buffer.concat([
      element(6, words(kind, 0)),
      element(5, words(...dims)),
      Buffer.concat([words(0x10001), Buffer.from(name.padEnd(4, '\0'))]),
      element(storage, data),
    ]),
  );
const compressed = (variable: Buffer) => {
  const body = deflateSync(variable);
  return Buffer.concat([words(15, body.length), body]);
};
