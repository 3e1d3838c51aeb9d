import type { Sharp, SharpOptions } from 'sharp';
import { checkPixels, createJpegDecoder, type Picture, type Raster } from './jpeg.ts';
import { createPictures, type Pictures, Refused } from './picture-module.ts';

/** Decodes JPEG and PNG files to the pixels that Pillow makes of them. */
export interface Decoder {
  /**
   * All pixels, in memory that the next call may overwrite. EXIF turns, colour profiles and transparency are ignored, CMYK becomes RGB without
   * a profile; all as programs customarily read ImageNet.
   *
   * @throws Error in words for a file that is neither, damaged, or has more than `maxPixels`
   */
  decode(bytes: Uint8Array): Raster | Promise<Raster>;
  /**
   * The same, of which `use` takes parts: at once for most files, so that nothing comes between decoding and use.
   *
   * @throws as `decode`, and what `use` throws
   */
  open<T>(bytes: Uint8Array, use: (picture: Picture) => T): T | Promise<T>;
}

/** Pictures of more pixels are refused before memory is made for them: 150 MB. */
export const MAX_PIXELS = 50e6;

type Open = (input: Uint8Array, options: SharpOptions) => Sharp;

/**
 * A decoder for one thread: libjpeg-turbo in WebAssembly for plain JPEG files, which cannot harm the process whatever they hold; libvips
 * (sharp) for everything else. Both give the same pixels where both read a file.
 */
export function createDecoder(maxPixels = MAX_PIXELS): Decoder {
  return createDecoderWith(maxPixels, createPictures());
}

/** {@link createDecoder} that shares its memory with a resampler. */
export function createDecoderWith(maxPixels: number, pictures: Pictures): Decoder {
  const jpeg = createJpegDecoder(pictures);
  let load: Promise<Open> | undefined;
  const decoder: Decoder = {
    decode: (bytes) => decoder.open(bytes, (picture) => picture.part({ left: 0, top: 0, width: picture.width, height: picture.height })),
    open(bytes, use) {
      try {
        return use(jpeg.open(bytes, maxPixels));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
      if (!isJpeg(bytes) && !isPng(bytes)) throw new TypeError('it is neither a JPEG nor a PNG file');
      load ??= import('sharp').then((sharp) => sharp.default as Open);
      return load.then((open) => decodeRare(open, bytes, maxPixels)).then((raster) => use({ ...raster, part: () => raster }));
    },
  };
  return decoder;
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
  const raster = { width: info.width, height: info.height, left: 0, top: 0 };
  if (isCmyk && channels === 4) return { ...raster, data: rgbOf(data), channels: 3 };
  if (channels !== 1 && channels !== 3) throw new TypeError(`it has ${channels} colours`);
  return { ...raster, data, channels };
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
