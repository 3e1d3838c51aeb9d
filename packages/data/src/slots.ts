import type { Target } from './augment.ts';

/** Memory one batch is prepared in, shared with threads and used again and again. */
export interface Slot extends Target {
  /** Pictures that are not in memory already are gathered here, `[batch, ...imageShape]` uint8. */
  readonly raw: Uint8Array;
}

/** A stock of slots: as many as were ever in use at once. */
export interface Slots {
  take(): Slot;
  giveBack(slot: Slot): void;
  clear(): void;
}

/** Sizes in elements; 0 for what is not needed. */
export interface SlotSizes {
  readonly raw: number;
  readonly pixels: number;
  readonly images: number;
}

/** Slots are made when the stock is empty. */
export function createSlots({ raw, pixels, images }: SlotSizes): Slots {
  const free: Slot[] = [];
  const floats = (size: number) => (size === 0 ? null : sharedFloats(size));
  return {
    take: () => free.pop() ?? { raw: new Uint8Array(new SharedArrayBuffer(raw)), pixels: floats(pixels), images: floats(images) },
    giveBack: (slot) => {
      free.push(slot);
    },
    clear: () => {
      free.length = 0;
    },
  };
}

/**
 * Shared numbers that do not begin where TensorFlow would take them as they are: it demands a multiple of 64 bytes, and copies what lies
 * elsewhere. Memory begins at a multiple of 16 bytes, whichever, so that 4 behind it is none of 64.
 */
export function sharedFloats(size: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * size + 4), 4, size);
}
