import type { ByteSource } from '@man/data';
import { brokenTar } from './errors.ts';

/** A file in an uncompressed tar archive, and where it is. */
export interface TarEntry {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

const BLOCK = 512;
/** Files of an archive at most: ImageNet has 1.3 million. */
const MAX_ENTRIES = 3_000_000;

/**
 * Goes through the headers of an uncompressed tar archive, or of one that lies within a file, without reading what is in its files.
 *
 * Links, devices and names that lead out of the archive are refused, as are sizes beyond its end.
 *
 * @throws `MAN_IMAGENET_TAR`, `MAN_DATA_DISK`
 */
export async function* tarEntries(source: ByteSource, start = 0, end = source.size): AsyncGenerator<TarEntry, void, undefined> {
  let entries = 0;
  for (let at = start; at + BLOCK <= end; ) {
    const header = await source.read(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const fault = (problem: string) => brokenTar(source.name, at, problem);
    if (!hasRightSum(header)) throw fault('an entry has no header of a tar archive, or a damaged one');
    const size = numberAt(header, 124, 12);
    const content = at + BLOCK;
    if (!(size >= 0 && content + size <= end)) throw fault(`an entry of ${size} bytes ends behind the archive`);
    const type = header[156] as number;
    if (type === 0 || type === 0x30 || type === 0x37) {
      const name = nameOf(header);
      const problem = problemOf(name);
      if (problem !== null) throw fault(`entry '${name}' ${problem}`);
      if (++entries > MAX_ENTRIES) throw fault(`it has more than ${MAX_ENTRIES} files`);
      yield { name, start: content, size };
    } else if (!SKIPPED.includes(type)) throw fault(`an entry is of type '${String.fromCharCode(type)}', no file`);
    at = content + BLOCK * Math.ceil(size / BLOCK);
  }
}

/** Folders, and notes on the entry behind them, of which sizes and names in the entry itself are all that is used. */
const SKIPPED = [0x35, 0x78, 0x67];

/** A number in octal digits, or for large ones in binary with the first bit set; NaN for neither. */
function numberAt(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] as number) & 0x80) !== 0) {
    let value = (field[0] as number) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return Number.isSafeInteger(value) ? value : Number.NaN;
  }
  const text = textOf(field).trim();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : Number.NaN;
}

function hasRightSum(header: Uint8Array): boolean {
  let sum = 0;
  // The sum's own eight bytes count as blanks.
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number);
  return sum === numberAt(header, 148, 8);
}

function nameOf(header: Uint8Array): string {
  const name = textOf(header.subarray(0, 100));
  const prefix = textOf(header.subarray(257, 262)) === 'ustar' ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

const textOf = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).split('\0')[0] as string;

function problemOf(name: string): string | null {
  if (name === '') return 'has no name';
  if (name.startsWith('/') || name.includes('\\') || /^[a-z]:/i.test(name)) return 'has an absolute name';
  return name.split('/').includes('..') ? "leads out of the archive with '..'" : null;
}
