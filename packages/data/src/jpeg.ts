import { type PictureModule, type Pictures, Refused } from './picture-module.ts';
import type { Box } from './resample.ts';

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

/** Decodes plain JPEG files on the calling thread. */
export interface JpegDecoder {
  /**
   * Reads the header of a file, which the next call replaces.
   *
   * @throws Refused; RangeError for more pixels than `maxPixels`
   */
  open(bytes: Uint8Array, maxPixels: number): Picture;
}

/** Decodes with the library in `pictures`. */
export function createJpegDecoder(pictures: Pictures): JpegDecoder {
  return {
    open(bytes, maxPixels) {
      if (!isPlainJpeg(bytes)) throw new Refused(0);
      const { channels, width, height } = pictures.run((module) => {
        const room = module.room_for(bytes.length);
        new Uint8Array(module.memory.buffer, room, bytes.length).set(bytes);
        const channels = module.open_picture(bytes.length);
        return { channels, width: module.picture_width(), height: module.picture_height() };
      });
      if (channels !== 1 && channels !== 3) throw new Refused(0);
      checkPixels(width, height, maxPixels);
      return { width, height, part: (box) => pictures.run((module) => partOf(module, box, channels)) };
    },
  };
}

function partOf(module: PictureModule, box: Box, channels: 1 | 3): Raster {
  const address = module.decode_part(box.left, box.top, box.width, box.height);
  const width = module.part_width();
  const data = new Uint8Array(module.memory.buffer, address, width * box.height * channels);
  return { data, width, height: box.height, channels, left: module.part_left(), top: box.top };
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
