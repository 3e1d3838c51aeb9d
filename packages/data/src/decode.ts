import type { Sharp, SharpOptions } from 'sharp';
import { checkPixels, createJpegDecoder, type JpegDecoder } from './jpeg.ts';

/** Decoded pixels, row by row. */
export interface Raster {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Grey or red, green, blue. */
  readonly channels: 1 | 3;
}

/** Decodes JPEG and PNG files to what other programs make of them. */
export interface Decoder {
  /**
   * The pixels, in memory that the next call may overwrite. EXIF turns, colour profiles and transparency are ignored, CMYK becomes RGB without
   * a profile; all as programs customarily read ImageNet.
   *
   * @throws Error in words for a file that is neither, damaged, or has more than `maxPixels`
   */
  decode(bytes: Uint8Array): Raster | Promise<Raster>;
}

/** Pictures of more pixels are refused before memory is made for them: 150 MB. */
export const MAX_PIXELS = 50e6;

type Open = (input: Uint8Array, options: SharpOptions) => Sharp;

/**
 * A decoder for one thread: libjpeg-turbo in WebAssembly for plain JPEG files, which cannot harm the process whatever they hold; libvips
 * (sharp) for everything else. Both give the same pixels where both read a file.
 */
export async function createDecoder(maxPixels = MAX_PIXELS): Promise<Decoder> {
  const jpeg: JpegDecoder = await createJpegDecoder();
  let open: Open | undefined;
  return {
    decode(bytes) {
      const raster = jpeg.decode(bytes, maxPixels);
      if (raster !== null) return raster;
      if (!isJpeg(bytes) && !isPng(bytes)) throw new TypeError('it is neither a JPEG nor a PNG file');
      return (async () => {
        open ??= (await import('sharp')).default as Open;
        return decodeRare(open, bytes, maxPixels);
      })();
    },
  };
}

const isJpeg = (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
const isPng = (bytes: Uint8Array) => [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte);

async function decodeRare(open: Open, bytes: Uint8Array, maxPixels: number): Promise<Raster> {
  // Warnings are let pass: some of ImageNet's files have stray bytes, and are whole.
  const image = open(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: maxPixels });
  const { space, width, height } = await image.metadata();
  checkPixels(width, height, maxPixels);
  const isCmyk = space === 'cmyk';
  const prepared = isCmyk ? image.pipelineColourspace('cmyk').toColourspace('cmyk') : image.removeAlpha();
  const { data, info } = await prepared.raw().toBuffer({ resolveWithObject: true });
  const channels = info.channels as number;
  if (isCmyk && channels === 4) return { data: rgbOf(data), width: info.width, height: info.height, channels: 3 };
  if (channels !== 1 && channels !== 3) throw new TypeError(`it has ${channels} colours`);
  return { data, width: info.width, height: info.height, channels };
}

/** Cyan, magenta, yellow, black to red, green, blue, in Pillow's arithmetic. */
function rgbOf(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - (cmyk[from + 3] as number);
    for (let c = 0; c < 3; c++) {
      const product = (cmyk[from + c] as number) * light + 128;
      rgb[to++] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}
