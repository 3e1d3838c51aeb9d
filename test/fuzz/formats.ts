import { readdirSync, readFileSync } from 'node:fs';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import type { Rng } from '@man/base';
import { createLoader, type ImageSplit, type MatVariable, memorySource, readMat } from '@man/data';
import { dispose } from '@tensorflow/tfjs';
import { parquetOf } from '../../packages/data/src/parquet.ts';
import { pick, type Reader } from './cases.ts';
import { damage } from './damage.ts';

/** Good files of a kind, from the fixtures of the data package. */
export function fixtures(kind: string, ending: RegExp): readonly Buffer[] {
  const folder = new URL(`../../packages/data/src/fixtures/${kind}/`, import.meta.url);
  return readdirSync(folder)
    .filter((name) => ending.test(name))
    .sort()
    .map((name) => readFileSync(new URL(name, folder)));
}

/** Readers of single files, from memory. */
export const FORMATS: readonly Reader[] = [
  {
    name: 'MATLAB files',
    codes: /^MAN_DATA_MAT$/,
    megabytes: 150,
    attempt: (rng) => readVariables(damage(rng, pick(rng, fixtures('mat', /\.mat$/))), rng),
  },
  {
    name: 'MATLAB files, damaged before they were compressed',
    codes: /^MAN_DATA_MAT$/,
    megabytes: 150,
    attempt: (rng) => readVariables(recompressed(rng, pick(rng, fixtures('mat', /-packed\.mat$/))), rng),
  },
  {
    name: 'parquet files',
    codes: /^MAN_DATA_PARQUET$/,
    megabytes: 250,
    attempt: (rng) => readColumns(damage(rng, pick(rng, fixtures('parquet', /\.parquet$/)))),
  },
  {
    name: 'JPEG and PNG files',
    codes: /^MAN_DATA_IMAGE$/,
    megabytes: 250,
    attempt: (rng) => decode(damage(rng, pick(rng, PICTURES)), rng),
  },
  {
    name: 'PNG files whose checksums are right',
    codes: /^MAN_DATA_IMAGE$/,
    megabytes: 250,
    attempt: (rng) => decode(signedPng(damage(rng, pick(rng, PNGS))), rng),
  },
  {
    name: 'JPEG files whose sizes and scans lie',
    codes: /^MAN_DATA_IMAGE$/,
    megabytes: 250,
    attempt: (rng) => decode(lyingJpeg(rng, pick(rng, JPEGS)), rng),
  },
];

const PICTURES = fixtures('pictures', /\.(jpg|png)$/);
const PNGS = PICTURES.filter((bytes) => bytes[0] === 0x89);
const JPEGS = PICTURES.filter((bytes) => bytes[0] === 0xff);

async function readVariables(bytes: Uint8Array, rng: Rng): Promise<void> {
  const visit = async (variable: MatVariable) => {
    const size = Math.min(
      1e6,
      variable.dims.reduce((product, length) => product * length, 1),
    );
    if (rng.integer(2) === 0) await variable.value();
    else await variable.read(rng.integer(2) === 0 ? new Uint8Array(size) : new Float64Array(size));
  };
  await readMat(memorySource(bytes, 'file.mat'), visit, { maxBytes: 20e6 });
}

/** The elements of a file, unpacked, damaged and packed again: damage that zlib's own checksum does not find. */
function recompressed(rng: Rng, good: Buffer): Buffer {
  const parts = [good.subarray(0, 128)];
  for (let at = 128; at < good.length; ) {
    const length = good.readUInt32LE(at + 4);
    const body = deflateSync(damage(rng, inflateSync(good.subarray(at + 8, at + 8 + length))));
    const tag = Buffer.alloc(8);
    tag.writeUInt32LE(15);
    tag.writeUInt32LE(body.length, 4);
    parts.push(tag, body);
    at += 8 + length;
  }
  return Buffer.concat(parts);
}

async function readColumns(bytes: Uint8Array): Promise<void> {
  const file = await parquetOf(memorySource(bytes, 'file.parquet'));
  for (const path of [['img', 'bytes'], ['image', 'bytes'], ['img', 'path'], ['label']]) {
    if (!file.columns.includes(path[0] as string)) continue;
    for (const group of file.rowGroups.keys()) await file.read(path, group);
  }
}

/** A file through all that the loader does with it. */
async function decode(bytes: Uint8Array, rng: Rng): Promise<void> {
  const split: ImageSplit = {
    name: 'files',
    size: 1,
    imageShape: [24, 24, 3],
    images: { resize: 28, maxPixels: 4e6, locate: () => ({ name: 'x', bytes }) },
    labels: Uint8Array.of(0),
  };
  const augment = rng.integer(2) === 0 ? null : { randomResizedCrop: {} };
  for await (const batch of createLoader(split, { batch: 1, workers: 0, augment }).epoch(1)) dispose({ ...batch });
}

/** A PNG file with every chunk's checksum put right. */
function signedPng(bytes: Buffer | Uint8Array): Buffer {
  const signed = Buffer.from(bytes);
  for (let at = 8; at + 12 <= signed.length; ) {
    const length = signed.readUInt32BE(at);
    if (at + 12 + length > signed.length) break;
    signed.writeUInt32BE(crc32(signed.subarray(at + 4, at + 8 + length)), at + 8 + length);
    at += 12 + length;
  }
  return signed;
}

/** Another size in the header, or the scans once more: a small file that takes long. */
function lyingJpeg(rng: Rng, good: Buffer): Buffer {
  const bytes = Buffer.from(good);
  const frame = [0xffc0, 0xffc1, 0xffc2].map((marker) => bytes.indexOf(Buffer.of(marker >> 8, marker & 255))).find((at) => at > 0);
  if (frame === undefined) return bytes;
  if (rng.integer(2) === 0) {
    bytes.writeUInt16BE(rng.integer(65536), frame + 5);
    bytes.writeUInt16BE(rng.integer(rng.integer(2) === 0 ? 65536 : 64), frame + 7);
  }
  if (rng.integer(3) > 0) return bytes;
  const scan = bytes.indexOf(Buffer.from('ffda', 'hex'), frame);
  const scans = Array.from({ length: rng.integer(60) }, () => bytes.subarray(scan, bytes.length - 2));
  return Buffer.concat([bytes.subarray(0, bytes.length - 2), ...scans, Buffer.from('ffd9', 'hex')]);
}
