import { describe, expect, it } from 'vitest';
import { ARCHIVES } from './archives.ts';
import { runCases } from './cases.ts';
import { FORMATS } from './formats.ts';
import { SETS } from './sets.ts';
import { TREES } from './trees.ts';

/** So many of each; MAN_FUZZ_SEED gives other ones. */
const CASES = Number(process.env.MAN_FUZZ_CASES ?? 2000);
const seed = process.env.MAN_FUZZ_SEED ?? 'long';

describe('readers of files that nobody vouches for, at length', () => {
  it.each([...FORMATS, ...ARCHIVES, ...SETS, ...TREES])('$name', { timeout: 3_600_000 }, async (reader) => {
    const { values, errors } = await runCases(reader, CASES, seed);
    process.stderr.write(`${reader.name}: ${values} of ${CASES} cases gave a value, ${errors} an error\n`);
    // Both, or the cases are not what they should be.
    expect(values).toBeGreaterThan(0);
    expect(errors).toBeGreaterThan(0);
  });
});
