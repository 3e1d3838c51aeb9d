import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { indexFailed } from './errors.ts';
import { PackedList } from './picture-list.ts';

/** What an index begins with. */
const MAGIC = 'MAN tar index 1\n';
/** An index of more bytes than this is not one of ours: that of ImageNet has 50 MB. */
const MAX_BYTES = 500e6;

/** Bytes of the checksum at its end. */
const DIGEST = 32;
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** What tells whether the archive is still the one that was gone through. */
interface Stamp {
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Where the index of an archive may be: beside it, or where the archive's folder cannot be written, in the user's cache. */
export function indexPlaces(archive: string, cache: string): readonly [string, string] {
  const key = createHash('sha256').update(archive).digest('hex').slice(0, 16);
  return [`${archive}.index`, join(cache, 'imagenet-index', `${basename(archive)}-${key}.index`)];
}

/** The index of an archive, if there is one that fits; null otherwise, also for a damaged one. */
export async function readIndex(archive: string, places: readonly string[]): Promise<PackedList | null> {
  const stamp = await stampOf(archive);
  for (const place of places) {
    const bytes = await readWhole(place);
    const list = bytes === null ? null : parse(bytes, stamp);
    if (list !== null) return list;
  }
  return null;
}

/**
 * Writes an index to the first place that takes it, whole or not at all.
 *
 * @throws `MAN_IMAGENET_INDEX`
 */
export async function writeIndex(archive: string, places: readonly string[], list: PackedList): Promise<void> {
  const head = Buffer.from(JSON.stringify({ ...(await stampOf(archive)), entries: list.size, names: list.names.length }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  const content = Buffer.concat([Buffer.from(MAGIC), length, head, view(list.starts), view(list.sizes), list.names]);
  const bytes = Buffer.concat([content, digest(content)]);
  let failure: unknown;
  for (const place of places) {
    try {
      await mkdir(dirname(place), { recursive: true });
      await writeWhole(place, bytes);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw indexFailed(archive, failure);
}

async function stampOf(archive: string): Promise<Stamp> {
  const { size, mtimeMs } = await stat(archive);
  return { bytes: size, mtimeMs };
}

async function readWhole(place: string): Promise<Buffer | null> {
  const found = await stat(place).catch(() => null);
  return found === null || found.size > MAX_BYTES ? null : readFile(place).catch(() => null);
}

async function writeWhole(place: string, bytes: Buffer): Promise<void> {
  const temporary = `${place}.${process.pid}.tmp`;
  // What a process of the same number left, or a link that somebody put there.
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, place);
  } finally {
    await rm(temporary, { force: true });
  }
}

function parse(whole: Buffer, stamp: Stamp): PackedList | null {
  try {
    const bytes = whole.subarray(0, Math.max(0, whole.length - DIGEST));
    if (!digest(bytes).equals(whole.subarray(bytes.length))) return null;
    const start = MAGIC.length + 4;
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
    const end = start + bytes.readUInt32LE(MAGIC.length);
    const head = JSON.parse(bytes.toString('utf8', start, end)) as Stamp & { entries: number; names: number };
    const { entries, names } = head;
    if (head.bytes !== stamp.bytes || head.mtimeMs !== stamp.mtimeMs) return null;
    if (!Number.isSafeInteger(entries) || !Number.isSafeInteger(names) || bytes.length !== end + 12 * entries + names) return null;
    // Copied: numbers must begin at multiples of their size.
    const copy = (from: number, to: number) => Uint8Array.from(bytes.subarray(from, to)).buffer;
    const starts = new Float64Array(copy(end, end + 8 * entries));
    const sizes = new Uint32Array(copy(end + 8 * entries, end + 12 * entries));
    const fits = starts.every((at, i) => at >= 0 && at + (sizes[i] as number) <= stamp.bytes);
    return fits ? new PackedList(Uint8Array.from(bytes.subarray(end + 12 * entries)), starts, sizes) : null;
  } catch {
    return null;
  }
}

const view = (numbers: Float64Array | Uint32Array) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
