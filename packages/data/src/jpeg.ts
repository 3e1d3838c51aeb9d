import { readFileSync } from 'node:fs';
import type { Box } from './resample.ts';
import { type WasmMemory, wasm } from './wasm.ts';

/** Pixels of a part of a picture, row by row. */
export interface Raster {
  readonly data: Uint8Array;
  /** Of a row in memory. */
  readonly width: number;
  readonly height: number;
  /** Grey or red, green, blue. */
  readonly channels: 1 | 3;
  /** Where in the picture it begins. */
  readonly left: number;
  readonly top: number;
}

/** A picture whose size is known and whose pixels are decoded when they are asked for. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /**
   * A part, or more than that, in memory that the next picture may overwrite.
   *
   * @throws Refused where another decoder may do better
   */
  part(box: Box): Raster;
}

/** Why the quick decoder does not take a file: it is damaged, or of a rare form. Another one decides. */
export class Refused extends Error {
  constructor(readonly code: number) {
    super(`libjpeg-turbo gave up (${code})`);
  }
}

/** What tools/build/jpeg/decoder.c offers. */
interface Turbo {
  readonly memory: WasmMemory;
  _initialize(): void;
  stackSave(): number;
  stackRestore(stack: number): void;
  room_for(bytes: number): number;
  open_picture(bytes: number): number;
  picture_width(): number;
  picture_height(): number;
  decode_part(x: number, y: number, width: number, height: number): number;
  part_left(): number;
  part_width(): number;
}

/** Decodes plain JPEG files on the calling thread. */
export interface JpegDecoder {
  /**
   * Reads the header of a file, which the next call replaces.
   *
   * @throws Refused; RangeError for more pixels than `maxPixels`
   */
  open(bytes: Uint8Array, maxPixels: number): Picture;
}

/** libjpeg-turbo, compiled to WebAssembly: nothing that a file holds gets beyond its memory, which is 1 GB at most. */
export function createJpegDecoder(): JpegDecoder {
  let turbo = start();
  const stack = turbo.stackSave();
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      // What throws in the middle of C leaves its stack behind; after anything but a refusal nothing in there can be relied on.
      if (error instanceof Refused) turbo.stackRestore(stack);
      else turbo = start();
      throw error instanceof Refused ? error : new Refused(-2);
    }
  };
  return {
    open(bytes, maxPixels) {
      if (!isPlainJpeg(bytes)) throw new Refused(0);
      const channels = guarded(() => {
        const room = turbo.room_for(bytes.length);
        new Uint8Array(turbo.memory.buffer, room, bytes.length).set(bytes);
        return turbo.open_picture(bytes.length);
      });
      if (channels !== 1 && channels !== 3) throw new Refused(0);
      const [width, height] = [turbo.picture_width(), turbo.picture_height()];
      checkPixels(width, height, maxPixels);
      return { width, height, part: (box) => guarded(() => partOf(turbo, box, channels)) };
    },
  };
}

function start(): Turbo {
  // Bundlers leave alone what they cannot read: the file stands beside this one, in the sources as in dist.
  const file = ['.', 'jpeg.wasm'].join('/');
  const turbo = wasm<Turbo>(readFileSync(new URL(file, import.meta.url)), {
    env: { refuse, emscripten_notify_memory_growth: () => {} },
    wasi_snapshot_preview1: { environ_sizes_get: () => 0, environ_get: () => 0 },
  });
  turbo._initialize();
  return turbo;
}

function refuse(code: number): never {
  throw new Refused(code);
}

function partOf(turbo: Turbo, box: Box, channels: 1 | 3): Raster {
  const address = turbo.decode_part(box.left, box.top, box.width, box.height);
  const width = turbo.part_width();
  const data = new Uint8Array(turbo.memory.buffer, address, width * box.height * channels);
  return { data, width, height: box.height, channels, left: turbo.part_left(), top: box.top };
}

export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels) throw new RangeError(`it has ${width}×${height} pixels; at most ${maxPixels} are decoded`);
}

/** Scans of a progressive file at most: each takes as long as the whole picture. */
const MAX_SCANS = 100;

/** Whether a file says that it is a whole JPEG of 8 bits with one or three colours, and no endless progressive one. */
export function isPlainJpeg(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return false;
    const marker = bytes[at + 1] as number;
    if (marker === 0xff || (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const components = bytes[at + 9] as number;
      const isUsual = marker <= 0xc2 && bytes[at + 4] === 8 && (components === 1 || components === 3);
      return isUsual && hasEnd(bytes, at) && (marker !== 0xc2 || scansOf(bytes) <= MAX_SCANS);
    }
    if (marker === 0xd9 || marker === 0xda) return false;
    at += 2 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  }
  return false;
}

/** A file that was cut off is found out whichever part of it is decoded. */
const hasEnd = (bytes: Uint8Array, frame: number) => bufferOf(bytes).lastIndexOf('ffd9', undefined, 'hex') > frame;

function scansOf(bytes: Uint8Array): number {
  const buffer = bufferOf(bytes);
  let scans = 0;
  for (let at = buffer.indexOf('ffda', 0, 'hex'); at >= 0; at = buffer.indexOf('ffda', at + 2, 'hex')) scans++;
  return scans;
}

const bufferOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
