/** A stock of memory that threads share, in which the pictures of one batch are gathered: as many pieces as were ever in use at once. */
export interface Slots {
  take(): Uint8Array;
  giveBack(slot: Uint8Array): void;
  clear(): void;
}

/** Pieces of `size` bytes, made when the stock is empty. */
export function createSlots(size: number): Slots {
  const free: Uint8Array[] = [];
  return {
    take: () => free.pop() ?? new Uint8Array(new SharedArrayBuffer(size)),
    giveBack: (slot) => {
      free.push(slot);
    },
    clear: () => {
      free.length = 0;
    },
  };
}
