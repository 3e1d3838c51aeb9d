import { type Rng, sharedBytes } from '@man/base';
import type { PictureSource } from './picture-source.ts';

/** `[height, width, channels]` of a picture. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Mean and standard deviation per channel, of pixels in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A random part of a picture, resized to the size of the split: of a random share of the area and a random ratio of its sides. */
export interface RandomResizedCrop {
  /** Least and greatest share of the picture's area. Default [0.08, 1]. */
  readonly scale?: readonly [least: number, most: number];
  /** Least and greatest width / height, between which the logarithm is uniform. Default [3/4, 4/3]. */
  readonly ratio?: readonly [least: number, most: number];
}

/** A random resized part of the picture, then a random crop out of the padded picture, then perhaps a horizontal flip. */
export interface Augmentation {
  /** The part that is taken first; pictures have three channels then. Default: pictures are taken whole. */
  readonly randomResizedCrop?: RandomResizedCrop;
  /** Pixels added on every side before the crop. Default 0. */
  readonly pad?: number;
  /** What the padding shows: `'reflect'` (default) mirrors at the edge without repeating the edge row, `'zero'` is black. */
  readonly padMode?: 'reflect' | 'zero';
  /** Height and width that are cut out of the padded picture. Default: those of the picture. */
  readonly crop?: number;
  /** Whether half of the pictures are mirrored left to right. Default false. */
  readonly flip?: boolean;
}

/**
 * Pictures as JPEG and PNG files of any size, which worker threads read and decode when they are needed.
 *
 * For training with {@link RandomResizedCrop} a random part is resized to the split's `imageShape`, otherwise the shorter side is resized and
 * the centre cut out: bilinear with antialias, in the arithmetic of Pillow.
 */
export interface EncodedImages {
  /** Where the bytes of picture `index` (0 … size-1) are. Called on the thread of the loader. */
  locate(index: number): PictureSource;
  /** What the shorter side is resized to before the centre is cut out. At least as large as `imageShape`. */
  readonly resize: number;
  /** Pictures of more pixels are refused. Default 50 million (150 MB). */
  readonly maxPixels?: number;
}

/**
 * Pictures that are made when they are needed, by code of your own.
 *
 * `read` runs on the thread of the loader and should hand the work on; the loader starts the pictures of several batches at once and awaits
 * them together, ahead of training.
 */
export interface ImageReader {
  /**
   * Writes picture `index` (0 … size-1) into `out`, `[height, width, channels]` uint8.
   *
   * `rng` is null for evaluation; for training it is a stream of this picture in this epoch, for random choices that must be made while
   * decoding (a random resized crop). What the loader's own {@link Augmentation} does comes afterwards.
   */
  read(index: number, out: Uint8Array, rng: Rng | null): void | Promise<void>;
}

/**
 * One half of a data set: pictures of one shape, with labels.
 *
 * Pictures in memory are one `Uint8Array` of `[size, height, width, channels]` (made with {@link allocateImages}, it is read by worker
 * threads in place); files are {@link EncodedImages}; anything else is an {@link ImageReader}.
 */
export interface ImageSplit {
  /** For messages: `cifar10/train`. */
  readonly name: string;
  /** Pictures in the split. */
  readonly size: number;
  /** Of the pictures that come out; files are brought to this size. */
  readonly imageShape: ImageShape;
  readonly images: Uint8Array | EncodedImages | ImageReader;
  /** `[size]`, 0 … classes-1. */
  readonly labels: Uint8Array | Int32Array;
}

/** A labelled set of pictures, with what is customary for it. */
export interface Dataset {
  /** Short and lower case: `cifar10`. */
  readonly name: string;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
  readonly imageShape: ImageShape;
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  readonly normalization: Normalization;
  /** The customary augmentation for training; null for none. */
  readonly augmentation: Augmentation | null;
}

/**
 * Zeroed memory for `size` pictures, shared so that worker threads read it without a copy.
 *
 * @example
 * ```ts
 * const images = allocateImages(50_000, [32, 32, 3]); // 153.6 MB
 * ```
 */
export function allocateImages(size: number, shape: ImageShape): Uint8Array {
  return sharedBytes(size * volume(shape));
}

/** Bytes (or numbers) of one picture. */
export const volume = ([height, width, channels]: ImageShape): number => height * width * channels;
