/** The state of an {@link Rng}: four unsigned 32-bit words. JSON-safe. */
export type RngState = readonly [number, number, number, number];

/**
 * Random numbers: one deterministic stream (xoshiro128**), split by label into independent ones.
 *
 * `split` depends only on the seed and the labels, never on how much was drawn, so adding a draw in one place
 * changes nothing elsewhere. Every method documents how many 32-bit words it draws; a golden test freezes them.
 *
 * @example
 * ```ts
 * const rng = createRng(7);
 * const weights = rng.split('stage1.unit0.conv1').normal(new Float32Array(432), 0, 0.1);
 * ```
 */
export interface Rng {
  /** An independent stream for `label`; draws nothing from this one. */
  split(label: string): Rng;
  /** One number in [0, 1), 24 bits. Draws 1 word. */
  next(): number;
  /** A whole number in [0, below). Draws 1 word. `below` ≤ 2^24. */
  integer(below: number): number;
  /** Fills `out` with numbers in [low, high). Draws 1 word each. Returns `out`. */
  uniform(out: Float32Array, low?: number, high?: number): Float32Array;
  /** Fills `out` with normal numbers (Box-Muller, in pairs). Draws 2 words for every two numbers begun. Returns `out`. */
  normal(out: Float32Array, mean?: number, deviation?: number): Float32Array;
  /** The numbers 0 … n-1 in random order (Fisher-Yates, from the end). Draws n-1 words. */
  permutation(n: number): Uint32Array;
  /** The present state, to continue from with {@link restoreRng}. */
  state(): { readonly key: RngState; readonly words: RngState };
}

/** A stream from a seed: any finite number or string; equal seeds give equal streams on every machine. */
export function createRng(seed: number | string): Rng {
  return fromKey(hash(`seed:${typeof seed}:${seed}`, [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667]));
}

/** The stream whose {@link Rng.state} this is, continued. */
export function restoreRng(state: ReturnType<Rng['state']>): Rng {
  return stream(state.key, [...state.words]);
}

function fromKey(key: RngState): Rng {
  // An all-zero state would stay zero for ever.
  return stream(key, key.every((word) => word === 0) ? [1, 2, 3, 4] : [...key]);
}

function stream(key: RngState, s: [number, number, number, number]): Rng {
  const word = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return result;
  };
  const next = () => (word() >>> 8) / 0x1000000;
  const integer = (below: number) => Math.floor(next() * below);
  return {
    split: (label) => fromKey(hash(label, key)),
    next,
    integer,
    uniform(out, low = 0, high = 1) {
      for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * next();
      return out;
    },
    normal(out, mean = 0, deviation = 1) {
      for (let i = 0; i < out.length; i += 2) {
        const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
        const angle = 2 * Math.PI * next();
        out[i] = mean + radius * Math.cos(angle);
        if (i + 1 < out.length) out[i + 1] = mean + radius * Math.sin(angle);
      }
      return out;
    },
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        const swapped = order[i] as number;
        order[i] = order[j] as number;
        order[j] = swapped;
      }
      return order;
    },
    state: () => ({ key, words: [s[0] >>> 0, s[1] >>> 0, s[2] >>> 0, s[3] >>> 0] }),
  };
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

/** 128-bit non-cryptographic hash of a text, begun from `from` (four MurmurHash3-like lanes that are mixed at the end). */
function hash(text: string, from: RngState): RngState {
  const lanes: [number, number, number, number] = [...from];
  for (let i = 0; i < text.length; i++) {
    const lane = (i & 3) as 0 | 1 | 2 | 3;
    lanes[lane] = Math.imul(rotateLeft(lanes[lane] ^ Math.imul(text.charCodeAt(i) + 1, 0xcc9e2d51), 15), 0x1b873593) + 0xe6546b64;
  }
  lanes[0] ^= text.length;
  for (let round = 0; round < 2; round++) {
    for (const lane of [0, 1, 2, 3] as const) {
      const before = lanes[((lane + 3) & 3) as 0 | 1 | 2 | 3];
      lanes[lane] = finalise(lanes[lane] + Math.imul(before, 0x85ebca6b));
    }
  }
  return [lanes[0] >>> 0, lanes[1] >>> 0, lanes[2] >>> 0, lanes[3] >>> 0];
}

function finalise(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
