import { describe, expect, it } from 'vitest';
import type { Check } from './index.ts';

/** Names of the checks that do not hold. */
export async function failing(checks: readonly Check[]): Promise<string[]> {
  const names: string[] = [];
  for (const { name, run } of checks)
    await run().catch(() => {
      names.push(name);
    });
  return names;
}

/**
 * Tests a suite: it passes what is right, and each of its checks fails for something broken.
 *
 * @param broken by the name of the check that must fail: what is wrong, and the suite for it
 */
export function expectToCatch(
  suite: string,
  right: readonly Check[],
  broken: Readonly<Record<string, Readonly<Record<string, () => readonly Check[]>>>>,
): void {
  describe(suite, () => {
    it('passes what is right', async () => {
      expect(await failing(right)).toEqual([]);
    });

    it('has a broken thing for every check', () => {
      expect(Object.keys(broken).sort()).toEqual(right.map(({ name }) => name).sort());
    });

    const rows = Object.entries(broken).flatMap(([check, things]) => Object.entries(things).map(([what, make]) => ({ check, what, make })));
    it.each(rows)('$check: fails for $what', async ({ check, make }) => {
      const found = make().find(({ name }) => name === check);
      await expect(found?.run()).rejects.toMatchObject({ code: 'MAN_TESTKIT_FAILED' });
    });
  });
}
