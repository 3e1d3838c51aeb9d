/** Memory one batch is prepared in, used again and again. */
export interface Slot {
  /** Undecoded pictures are gathered here, `[batch, ...imageShape]` uint8; empty where batches are prepared from the split itself. */
  readonly raw: Uint8Array;
  /** `[batch, ...outputShape]` float32. */
  readonly pixels: Float32Array;
}

/** A stock of slots: as many as were ever in use at once. */
export interface Slots {
  take(): Slot;
  giveBack(slot: Slot): void;
  clear(): void;
}

/** Slots of shared memory, made when the stock is empty. Sizes in elements. */
export function createSlots(rawSize: number, pixelsSize: number): Slots {
  const free: Slot[] = [];
  return {
    take: () =>
      free.pop() ?? {
        raw: new Uint8Array(new SharedArrayBuffer(rawSize)),
        pixels: new Float32Array(new SharedArrayBuffer(4 * pixelsSize)),
      },
    giveBack: (slot) => {
      free.push(slot);
    },
    clear: () => {
      free.length = 0;
    },
  };
}
