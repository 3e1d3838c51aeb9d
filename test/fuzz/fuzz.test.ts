import { describe, expect, it } from 'vitest';
import { ARCHIVES } from './archives.ts';
import { runCases } from './cases.ts';
import { FORMATS } from './formats.ts';
import { SETS } from './sets.ts';
import { TREES } from './trees.ts';

describe('readers of files that nobody vouches for', () => {
  it.each([...FORMATS, ...ARCHIVES, ...SETS, ...TREES])('$name: a value or an error with a code', async (reader) => {
    const { values, errors } = await runCases(reader, 15);
    expect(values + errors).toBe(15);
  });
});
