import type { Rng } from '@man/base';

/** Numbers that lengths are lied about with. */
const LIES = [0, 1, 2, 4, 7, 127, 128, 255, 512, 4096, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff];

/** Bytes as a bad disk, a broken transfer or a person with intentions leaves them. The first and the last kilobyte are hit most. */
export function damage(rng: Rng, good: Uint8Array): Uint8Array {
  const kind = KINDS[rng.integer(KINDS.length)] as (typeof KINDS)[number];
  const bytes = kind(rng, Buffer.from(good));
  return rng.integer(4) === 0 ? damage(rng, bytes) : bytes;
}

const KINDS: readonly ((rng: Rng, bytes: Buffer) => Buffer)[] = [
  (rng, bytes) => bytes.subarray(0, placeIn(rng, bytes.length + 1)),
  (rng, bytes) => bytes.subarray(placeIn(rng, bytes.length + 1)),
  changed,
  changed,
  lied,
  lied,
  lied,
  (rng, bytes) => {
    const [from, to] = [placeIn(rng, bytes.length), placeIn(rng, bytes.length)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (rng, bytes) => {
    const at = placeIn(rng, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), noise(rng, 1 + rng.integer(600)), bytes.subarray(at)]);
  },
  (rng, bytes) => {
    const at = placeIn(rng, bytes.length);
    return Buffer.from(bytes).fill(rng.integer(2) * 255, at, Math.min(bytes.length, at + 1 + rng.integer(64)));
  },
  // A good beginning, so that the reader goes on, and noise.
  (rng, bytes) => Buffer.concat([bytes.subarray(0, rng.integer(140)), noise(rng, rng.integer(2000))]),
];

/** Random bytes. */
export const noise = (rng: Rng, length: number): Buffer => Buffer.from(Uint8Array.from({ length }, () => rng.integer(256)));

function changed(rng: Rng, bytes: Buffer): Buffer {
  for (let i = 0; i <= rng.integer(8) && bytes.length > 0; i++) bytes[placeIn(rng, bytes.length)] = rng.integer(256);
  return bytes;
}

/** Another number of two, four or eight bytes, in either order, mostly where one would stand. */
function lied(rng: Rng, bytes: Buffer): Buffer {
  const width = ([2, 4, 4, 8] as const)[rng.integer(4)] as 2 | 4 | 8;
  if (bytes.length < width) return bytes;
  const place = placeIn(rng, bytes.length - width + 1);
  const at = rng.integer(3) === 0 ? place : place - (place % width);
  const lie = BigInt(rng.integer(3) === 0 ? bytes.length + rng.integer(17) - 8 : (LIES[rng.integer(LIES.length)] as number));
  const isBigEndian = rng.integer(4) === 0;
  for (let i = 0; i < width; i++) bytes[isBigEndian ? at + width - 1 - i : at + i] = Number((lie >> BigInt(8 * i)) & 255n);
  return bytes;
}

function placeIn(rng: Rng, length: number): number {
  const near = Math.min(length, 1024);
  const where = rng.integer(3);
  const place = where === 0 ? rng.integer(near) : where === 1 ? length - 1 - rng.integer(near) : rng.integer(Math.min(length, 1 << 24));
  return Math.max(0, place);
}
