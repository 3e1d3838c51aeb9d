import { createRequire } from 'node:module';
import type { Raster } from './decode.ts';

/** libjpeg-turbo, compiled to WebAssembly: what the package's own glue offers. */
interface TurboModule {
  readonly JPEGDecoder: new () => TurboDecoder;
}

interface TurboDecoder {
  /** Memory for the file's bytes, to be filled. */
  getEncodedBuffer(length: number): Uint8Array;
  readHeader(): void;
  decode(): void;
  getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
  /** A view of its memory, until the next call. */
  getDecodedBuffer(): Uint8Array;
}

/** The program leaves a little memory behind whenever it refuses a file; after so many it is started anew. */
const MAX_REFUSALS = 50;

/** Decodes plain JPEG files on the calling thread. */
export interface JpegDecoder {
  /**
   * The pixels, in memory that the next call overwrites; null for a file that it does not take, damaged or of a rare form.
   *
   * @throws RangeError for more pixels than `maxPixels`, before memory is made for them
   */
  decode(bytes: Uint8Array, maxPixels: number): Raster | null;
}

/** Starts the decoder; it is quick on JPEG files of 8 bits in grey or colour, and takes no others. */
export async function createJpegDecoder(): Promise<JpegDecoder> {
  const require = createRequire(import.meta.url);
  const start = require('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs') as () => Promise<TurboModule>;
  let turbo = new (await start()).JPEGDecoder();
  let refusals = 0;
  const refuse = () => {
    if (++refusals < MAX_REFUSALS) return null;
    refusals = 0;
    void start().then((module) => {
      turbo = new module.JPEGDecoder();
    });
    return null;
  };
  return {
    decode(bytes, maxPixels) {
      if (!isPlainJpeg(bytes)) return null;
      try {
        turbo.getEncodedBuffer(bytes.length).set(bytes);
        turbo.readHeader();
      } catch {
        return refuse();
      }
      const { width, height } = turbo.getFrameInfo();
      checkPixels(width, height, maxPixels);
      try {
        turbo.decode();
      } catch {
        return refuse();
      }
      // Read again: the file's header may have been taken otherwise than at first.
      const frame = turbo.getFrameInfo();
      const channels = frame.componentCount === 1 ? 1 : 3;
      const data = turbo.getDecodedBuffer();
      return data.length === frame.width * frame.height * channels ? { data, width: frame.width, height: frame.height, channels } : null;
    },
  };
}

export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels) throw new RangeError(`it has ${width}×${height} pixels; at most ${maxPixels} are decoded`);
}

/** Scans of a progressive file at most: each takes as long as the whole picture. */
const MAX_SCANS = 100;

/** Whether a file says that it is a JPEG of 8 bits with one or three colours, and is no endless progressive one. */
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
      return isUsual && (marker !== 0xc2 || scansOf(bytes) <= MAX_SCANS);
    }
    if (marker === 0xd9 || marker === 0xda) return false;
    at += 2 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  }
  return false;
}

function scansOf(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let scans = 0;
  for (let at = buffer.indexOf('ffda', 0, 'hex'); at >= 0; at = buffer.indexOf('ffda', at + 2, 'hex')) scans++;
  return scans;
}
