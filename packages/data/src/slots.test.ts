import { expect, it } from 'vitest';
import { sharedFloats } from './slots.ts';

it('memory of batches begins where no engine takes it as it is: 4 bytes behind what memory is aligned to, at least 8', () => {
  for (const size of [1, 100, 10_000]) expect(sharedFloats(size).byteOffset % 8).toBe(4);
});
