import type * as tf from '@tensorflow/tfjs';

/** Results of this project's operations that are smaller, or as large, come from malloc; see packages/native/kernels/arena.h. */
const LEAST_BLOCK = 64 * 1024;
const LARGE_BLOCK = 256 * 1024 ** 2;
const PAGE = 4096;

/** What the process takes for tensors and kernels, in bytes. */
export interface ProcessBytes {
  /** The arena of this project's operations, which keeps what it once took and has gaps. */
  readonly arena: number;
  /** Most that malloc gave at once for all other tensors; it keeps most of it, too. */
  readonly others: number;
  /** What large tensors add to both at the worst moment: malloc gives these back at once. */
  readonly large: number;
  /** Scratch memory of the convolutions, of all threads. */
  readonly workspace: number;
}

/** The arena of packages/native/kernels/arena.cc, as places and sizes alone: the smallest free block that is large enough, joined again. */
class Arena {
  /** Size by place. */
  readonly #free = new Map<number, number>();
  readonly #used = new Map<number, number>();
  end = 0;

  allocate(bytes: number): number {
    const size = Math.ceil(bytes / PAGE) * PAGE;
    let best = -1;
    let bestSize = Number.POSITIVE_INFINITY;
    let [last, lastSize] = [-1, 0];
    for (const [place, free] of this.#free) {
      if (free >= size && (free < bestSize || (free === bestSize && place < best))) [best, bestSize] = [place, free];
      if (place > last) [last, lastSize] = [place, free];
    }
    let at = this.end;
    if (best >= 0) {
      at = best;
      this.#free.delete(best);
      if (bestSize > size) this.#free.set(best + size, bestSize - size);
    } else {
      if (last >= 0 && last + lastSize === this.end) at = last;
      this.#free.delete(at);
      this.end = at + size;
    }
    this.#used.set(at, size);
    return at;
  }

  release(place: number): void {
    let [at, size] = [place, this.#used.get(place) as number];
    this.#used.delete(place);
    const behind = this.#free.get(at + size);
    if (behind !== undefined) {
      this.#free.delete(at + size);
      size += behind;
    }
    for (const [before, free] of this.#free) {
      if (before + free !== at) continue;
      at = before;
      size += free;
      break;
    }
    this.#free.set(at, size);
    if (this.#used.size > 0) return;
    this.#free.clear();
    this.end = 0;
  }
}

/** Follows what a process takes while tensors come and go. */
export class ProcessMemory {
  readonly #arena = new Arena();
  /** Place in the arena, or null for what malloc gave, with its size. */
  readonly #blocks = new Map<object, { readonly place: number | null; readonly bytes: number }>();
  readonly #scratch: Scratch = { filters: 0, partial: 0, pixels: 0 };
  readonly #threads: number;
  #others = 0;
  #large = 0;
  #mostOthers = 0;
  #mostArena = 0;
  #most = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  add(dataId: object, bytes: number, isOwn: boolean): void {
    const place = isOwn && bytes >= LEAST_BLOCK && bytes < LARGE_BLOCK ? this.#arena.allocate(bytes) : null;
    this.#blocks.set(dataId, { place, bytes });
    if (place === null) this.#count(bytes, 1);
    this.#mostArena = Math.max(this.#mostArena, this.#arena.end);
    this.#mostOthers = Math.max(this.#mostOthers, this.#others);
    this.#most = Math.max(this.#most, this.#mostArena + this.#mostOthers + this.#large);
  }

  remove(dataId: object): void {
    const block = this.#blocks.get(dataId);
    if (block === undefined) return;
    this.#blocks.delete(dataId);
    if (block.place === null) this.#count(block.bytes, -1);
    else this.#arena.release(block.place);
  }

  #count(bytes: number, sign: 1 | -1): void {
    if (bytes >= LARGE_BLOCK) this.#large += sign * bytes;
    else this.#others += sign * bytes;
  }

  work(name: string, inputs: readonly tf.TensorInfo[], options: Readonly<Record<string, unknown>>): void {
    const needed = scratchOf(name, inputs, options);
    for (const slot of ['filters', 'partial', 'pixels'] as const) this.#scratch[slot] = Math.max(this.#scratch[slot], needed?.[slot] ?? 0);
  }

  get bytes(): ProcessBytes {
    const { filters, partial, pixels } = this.#scratch;
    const [arena, others] = [this.#mostArena, this.#mostOthers];
    return { arena, others, large: this.#most - arena - others, workspace: 4 * (filters + partial + this.#threads * pixels) };
  }
}

/** Floats of scratch memory that a thread keeps: filters in the order of the algorithm, sums of chunks, pixels at work (these in every thread). */
interface Scratch {
  filters: number;
  partial: number;
  pixels: number;
}

/** Lanes of the widest instruction set. */
const LANES = 16;
const padded = (channels: number) => Math.ceil(channels / LANES) * LANES;
/** Winograd's F(4×4, 3×3) works on 36 places of a tile. */
const PLACES = 36;
const CHUNKS = 16;

/** What packages/native/kernels take besides their results: `winograd.h`, `resized.h`, `direct.h`. */
function scratchOf(name: string, inputs: readonly tf.TensorInfo[], options: Readonly<Record<string, unknown>>): Scratch | null {
  if (name !== 'ManConvolve' && name !== 'ManConvolveGradient') return null;
  const [x, , filter] = inputs as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const { stride, padding, groups, height, width } = options as Record<'stride' | 'padding' | 'groups' | 'height' | 'width', number>;
  const [n, h, w] = x.shape as [number, number, number];
  const [kernelHeight, kernelWidth, c, allFilters] = filter.shape as [number, number, number, number];
  const f = allFilters / groups;
  const chunked = name === 'ManConvolveGradient' && options.wants_filter === true;
  if (height > 0) {
    const mixed = padded(8 * f + padded(f));
    const pixels = h * w * (padded(c) + mixed) + (3 * w + width) * padded(f);
    return { filters: Math.max(c * mixed, mixed * padded(c)), partial: chunked ? Math.min(n, CHUNKS) * c * mixed : 0, pixels };
  }
  if (kernelHeight === 3 && kernelWidth === 3 && stride === 1 && padding === 1) {
    const plan = bandsOf(n, h, w);
    const chunks = Math.min(plan.bands, CHUNKS, Math.max(1, Math.floor((plan.bands * plan.tiles) / 128)));
    const pixels = plan.pixels * Math.max(padded(c), padded(f)) + PLACES * (plan.tiles * (padded(c) + padded(f)) + 2 * LANES);
    return {
      filters: PLACES * Math.max(c * padded(f), f * padded(c)),
      partial: chunked ? chunks * PLACES * c * padded(f) : 0,
      pixels,
    };
  }
  const taps = kernelHeight * kernelWidth;
  const rows = Math.floor((h + 2 * padding - kernelHeight) / stride) + 1;
  const columns = Math.floor((w + 2 * padding - kernelWidth) / stride) + 1;
  const chunks = Math.min(n * rows, CHUNKS, Math.max(1, Math.floor((n * rows * columns) / 1024)));
  return {
    filters: taps * Math.max(c * padded(f), f * padded(c)),
    partial: chunked ? chunks * taps * c * padded(f) : 0,
    pixels: (stride + kernelHeight) * (w + 2 * padding) * c + columns * padded(f),
  };
}

/** How Winograd's algorithm cuts a batch: bands of some rows of tiles, about 16 tiles in all. */
function bandsOf(n: number, h: number, w: number) {
  const [across, down] = [Math.ceil(w / 4), Math.ceil(h / 4)];
  const rows = Math.max(1, Math.min(down, Math.floor(16 / across)));
  const pictures = rows < down ? 1 : Math.min(n, Math.max(1, Math.floor(16 / (rows * across))));
  const bands = pictures > 1 ? Math.ceil(n / pictures) : n * Math.ceil(down / rows);
  return { bands, tiles: pictures * rows * across, pixels: pictures * (4 * rows + 2) * (4 * across + 2) };
}
