import type { Picture, Raster } from './jpeg.ts';
import { RESAMPLE } from './resample-module.ts';
import { type WasmMemory, wasm } from './wasm.ts';

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
   * Resizes the part `box` of a picture to `width`×`height` and writes the part `window` of the result to `out`, red, green and blue of each
   * pixel. Only what that needs of the picture is asked for.
   *
   * Bilinear with antialias, in the arithmetic of `resize` of Pillow 13: from equal pixels it makes equal ones.
   */
  resample(
    picture: Picture,
    box: Box,
    size: { readonly width: number; readonly height: number },
    window: Box,
    out: Uint8Array,
    at: number,
  ): void;
}

/** What resample.wat offers. Addresses and lengths in bytes. */
interface Kernels {
  readonly memory: WasmMemory;
  horizontal(
    source: number,
    stride: number,
    rows: number,
    starts: number,
    counts: number,
    weights: number,
    taps: number,
    width: number,
    target: number,
  ): void;
  vertical(
    source: number,
    stride: number,
    length: number,
    starts: number,
    counts: number,
    weights: number,
    taps: number,
    height: number,
    target: number,
  ): void;
}

const PAGE = 65_536;
/** Kernels read and write up to so many bytes too far. */
const SLACK = 16;

export function createResampler(): Resampler {
  const kernels = wasm<Kernels>(Buffer.from(RESAMPLE, 'base64'));
  const reserve = (bytes: number) => {
    const missing = bytes - kernels.memory.buffer.byteLength;
    if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE));
  };
  return {
    resample(picture, box, size, window, out, at) {
      const across = weightsOf(box.width, size.width, window.left, window.width);
      const down = weightsOf(box.height, size.height, window.top, window.height);
      const [column, columns] = span(across);
      const [row, rows] = span(down);
      const raster = picture.part({ left: box.left + column, top: box.top + row, width: columns, height: rows });
      const isDownFirst = goesDownFirst(box, size);
      // Bytes of a row: of the picture's part, of what is used of it, and of the result.
      const [stride, used, length] = [3 * raster.width, 3 * columns, 3 * window.width];
      // One behind the other: tables, the picture's part, what the first pass leaves, the result.
      const source = 4 * (tableSize(across) + tableSize(down));
      const middle = align(source + rows * stride + SLACK);
      const target = align(middle + (isDownFirst ? window.height * used : rows * length) + SLACK);
      reserve(target + window.height * length + SLACK);
      const { buffer } = kernels.memory;
      copyRows(raster, box.top + row - raster.top, new Uint8Array(buffer, source, rows * stride));
      const start = source + 3 * (box.left + column - raster.left);
      const a = writeTables(buffer, 0, across, 3, column);
      const d = writeTables(buffer, 4 * tableSize(across), down, isDownFirst ? stride : length, row);
      const [across4, down4] = [4 * across.taps, 4 * down.taps];
      if (isDownFirst) {
        kernels.vertical(start, stride, used, d.starts, d.counts, d.weights, down4, 4 * window.height, middle);
        kernels.horizontal(middle, used, window.height, a.starts, a.counts, a.weights, across4, 4 * window.width, target);
      } else {
        kernels.horizontal(start, stride, rows, a.starts, a.counts, a.weights, across4, 4 * window.width, middle);
        kernels.vertical(middle, length, length, d.starts, d.counts, d.weights, down4, 4 * window.height, target);
      }
      out.set(new Uint8Array(buffer, target, window.height * length), at);
    },
  };
}

/** Which pass Pillow 13 takes first: the one down where more than twice as many rows go as columns. Either rounds to 8 bits in between. */
function goesDownFirst(box: Box, size: { readonly width: number; readonly height: number }): boolean {
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

/** Writes the tables where the kernels read them; starts become offsets in bytes, of elements of `step` bytes, less `first` elements. */
function writeTables(buffer: ArrayBuffer, at: number, { starts, counts, weights }: Weights, step: number, first = 0) {
  const offsets = new Int32Array(buffer, at, starts.length);
  for (let i = 0; i < starts.length; i++) offsets[i] = ((starts[i] as number) - first) * step;
  const next = at + 4 * starts.length;
  new Int32Array(buffer, next, counts.length).set(counts);
  new Int32Array(buffer, next + 4 * counts.length, weights.length).set(weights);
  return { starts: at, counts: next, weights: next + 4 * counts.length };
}

/** Whole rows: one copy of more bytes is faster than one for each row. */
function copyRows({ data, width, channels }: Raster, top: number, out: Uint8Array): void {
  const from = top * width * channels;
  if (channels === 3) out.set(data.subarray(from, from + out.length));
  else for (let i = 0; 3 * i < out.length; i++) out.fill(data[from + i] as number, 3 * i, 3 * i + 3);
}
