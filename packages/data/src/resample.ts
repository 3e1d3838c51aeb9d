import type { Normalization } from './dataset.ts';
import type { Picture, Raster } from './jpeg.ts';
import { createPictures, type PictureModule } from './picture-module.ts';

/** A part of a picture, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Brings parts of pictures to other sizes, on the calling thread, in memory of its own that is used again. */
export interface Resampler {
  /**
   * Resizes the part `box` of a picture to `width`×`height` and keeps the part `window` of the result until the next call. Only what that needs
   * of the picture is asked for.
   *
   * Bilinear with antialias, in the arithmetic of `resize` of Pillow 13: from equal pixels it makes equal ones.
   */
  resample(picture: Picture, box: Box, size: Size, window: Box): void;
  /** Writes the result to `out`: red, green and blue of each pixel. */
  copy(out: Uint8Array, at: number): void;
  /** Writes the result to `out` as numbers in [0, 1], or those normalised, in the steps and roundings of float32. */
  scale(out: Float32Array, at: number, mirrored: boolean, normalization: Normalization | null): void;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Kernels read and write up to so many bytes too far. */
const SLACK = 16;
/** Bytes of the twelve means and twelve deviations that `scale` hands over. */
const CONSTANTS = 96;

/** @param pictures the memory that pictures are decoded in: those need not be copied then */
export function createResampler(pictures = createPictures()): Resampler {
  let made = { address: 0, width: 0, height: 0, numbers: 0, memory: null as PictureModule['memory'] | null };
  const result = (module: PictureModule) => {
    if (made.memory !== module.memory) throw new Error('there is no picture to be written');
    return made;
  };
  return {
    resample(picture, box, size, window) {
      const across = weightsOf(box.width, size.width, window.left, window.width);
      const down = weightsOf(box.height, size.height, window.top, window.height);
      const [column, columns] = span(across);
      const [row, rows] = span(down);
      const raster = picture.part({ left: box.left + column, top: box.top + row, width: columns, height: rows });
      const isDownFirst = goesDownFirst(box, size);
      // Bytes of a row: of the picture's part, of what is used of it, and of the result.
      const [stride, used, length] = [3 * raster.width, 3 * columns, 3 * window.width];
      pictures.run((module) => {
        // Asking for memory may move what is in the module's memory to another buffer, at the same address.
        const { byteOffset, length: bytes } = raster.data;
        const isInside = raster.data.buffer === module.memory.buffer;
        const isThere = isInside && raster.channels === 3;
        // One behind the other: tables, the picture's part, what the first pass leaves, the result, its numbers.
        const source = align(4 * (pairSize(across) + tableSize(down)) + CONSTANTS);
        const middle = align(source + (isThere ? 0 : rows * stride) + SLACK);
        const target = align(middle + (isDownFirst ? window.height * used : rows * length) + SLACK);
        const numbers = align(target + window.height * length + SLACK);
        const base = module.work_for(numbers + 4 * window.height * length + SLACK);
        const { buffer } = module.memory;
        const a = writePairs(buffer, base + CONSTANTS, across, column);
        const d = writeTable(buffer, base + CONSTANTS + 4 * pairSize(across), down, isDownFirst ? stride : length, row);
        const top = box.top + row - raster.top;
        const data = isInside ? new Uint8Array(buffer, byteOffset, bytes) : raster.data;
        if (!isThere) copyRows({ ...raster, data }, top, new Uint8Array(buffer, base + source, rows * stride));
        const first = isThere ? byteOffset + top * stride : base + source;
        const start = first + 3 * (box.left + column - raster.left);
        if (isDownFirst) {
          module.vertical(start, stride, used, d.starts, d.counts, d.weights, down.taps, window.height, base + middle);
          module.horizontal(base + middle, used, window.height, a.starts, a.counts, a.weights, a.taps, window.width, base + target);
        } else {
          module.horizontal(start, stride, rows, a.starts, a.counts, a.weights, a.taps, window.width, base + middle);
          module.vertical(base + middle, length, length, d.starts, d.counts, d.weights, down.taps, window.height, base + target);
        }
        made = { address: base + target, width: window.width, height: window.height, numbers: base + numbers, memory: module.memory };
      });
    },
    copy(out, at) {
      pictures.run((module) => {
        const { address, width, height } = result(module);
        out.set(new Uint8Array(module.memory.buffer, address, 3 * width * height), at);
      });
    },
    scale(out, at, mirrored, normalization) {
      pictures.run((module) => {
        const { address, width, height, numbers } = result(module);
        const constants = module.work_for(0);
        const { mean, std } = normalization ?? { mean: [0, 0, 0], std: [1, 1, 1] };
        new Float32Array(module.memory.buffer, constants, 24).set([mean, mean, mean, mean, std, std, std, std].flat());
        module.normalise(address, width, height, mirrored ? 1 : 0, constants, numbers);
        out.set(new Float32Array(module.memory.buffer, numbers, 3 * width * height), at);
      });
    },
  };
}

/** Which pass Pillow 13 takes first: the one down where more than twice as many rows go as columns. Either rounds to 8 bits in between. */
function goesDownFirst(box: Box, size: Size): boolean {
  const [rows, columns] = [box.height - size.height, box.width - size.width];
  return rows > 0 && rows > 2 * columns;
}

/** The first input pixel that is needed, and how many are. */
function span({ starts, counts }: Weights): readonly [first: number, count: number] {
  const first = starts[0] as number;
  return [first, (starts.at(-1) as number) + (counts.at(-1) as number) - first];
}

const align = (address: number) => (address + 15) & ~15;

/** Which input pixels make an output pixel, and with which weights. */
interface Weights {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `taps` for each output pixel. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** Pillow's weights for output pixels `from` … `from + count - 1` of a line of `length` pixels that becomes one of `size`. */
function weightsOf(length: number, size: number, from: number, count: number): Weights {
  const scale = length / size;
  const reach = Math.max(1, scale);
  const taps = Math.ceil(reach) * 2 + 1;
  const [starts, counts, weights] = [new Int32Array(count), new Int32Array(count), new Int32Array(count * taps)];
  const line = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const centre = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(length, Math.trunc(centre + reach + 0.5));
    let sum = 0;
    for (let x = start; x < end; x++) {
      const distance = Math.abs((x - centre + 0.5) * (1 / reach));
      const weight = distance < 1 ? 1 - distance : 0;
      line[x - start] = weight;
      sum += weight;
    }
    for (let x = 0; x < end - start; x++) weights[i * taps + x] = Math.trunc(0.5 + ((line[x] as number) / sum) * (1 << 22));
    starts[i] = start;
    counts[i] = end - start;
  }
  return { starts, counts, weights, taps };
}

const tableSize = ({ starts, counts, weights }: Weights) => starts.length + counts.length + weights.length;
/** As many pairs of taps as the taps fill, two numbers for each. */
const pairsOf = (taps: number) => (taps + 1) >> 1;
const pairSize = ({ starts, counts, taps }: Weights) => starts.length + counts.length + 2 * pairsOf(taps) * starts.length;

/** Writes the tables where the kernels read them; starts become offsets in bytes, of elements of `step` bytes, less `first` elements. */
function writeTable(buffer: ArrayBuffer, at: number, { starts, counts, weights }: Weights, step: number, first: number) {
  const offsets = new Int32Array(buffer, at, starts.length);
  for (let i = 0; i < starts.length; i++) offsets[i] = ((starts[i] as number) - first) * step;
  const next = at + 4 * starts.length;
  new Int32Array(buffer, next, counts.length).set(counts);
  new Int32Array(buffer, next + 4 * counts.length, weights.length).set(weights);
  return { starts: at, counts: next, weights: next + 4 * counts.length };
}

/** The same for the pass across: its weights in pairs, the lower 11 bits of two as one number, then the upper bits. */
function writePairs(buffer: ArrayBuffer, at: number, { starts, counts, weights, taps }: Weights, first: number) {
  const width = pairsOf(taps);
  const table = new Int32Array(buffer, at, starts.length * (2 + 2 * width));
  for (let i = 0; i < starts.length; i++) {
    const count = counts[i] as number;
    table[i] = 3 * ((starts[i] as number) - first);
    table[starts.length + i] = pairsOf(count);
    for (let tap = 0; tap < count; tap += 2) {
      const one = weights[i * taps + tap] as number;
      const two = tap + 1 < count ? (weights[i * taps + tap + 1] as number) : 0;
      const place = 2 * (starts.length + width * i) + tap;
      table[place] = (one & 2047) | ((two & 2047) << 16);
      table[place + 1] = (one >> 11) | ((two >> 11) << 16);
    }
  }
  return { starts: at, counts: at + 4 * starts.length, weights: at + 8 * starts.length, taps: width };
}

/** Whole rows: one copy of more bytes is faster than one for each row. */
function copyRows({ data, width, channels }: Raster, top: number, out: Uint8Array): void {
  const from = top * width * channels;
  if (channels === 3) out.set(data.subarray(from, from + out.length));
  else for (let i = 0; 3 * i < out.length; i++) out.fill(data[from + i] as number, 3 * i, 3 * i + 3);
}
