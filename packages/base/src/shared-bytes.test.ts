import { afterEach, describe, expect, it, vi } from 'vitest';
import { sharedBytes } from './shared-bytes.ts';

afterEach(() => vi.unstubAllGlobals());

describe('sharedBytes', () => {
  it('gives zeroed memory that threads share', () => {
    const bytes = sharedBytes(3);
    expect([...bytes]).toEqual([0, 0, 0]);
    expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('does without where there is none', () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    expect(sharedBytes(3).buffer).toBeInstanceOf(ArrayBuffer);
  });
});
