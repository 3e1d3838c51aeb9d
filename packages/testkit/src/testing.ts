import { describe, expect, it } from 'vitest';
import type { Check } from './index.ts';

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
    it.each(right.map((check) => ({ check: check.name, run: check.run })))('$check: holds for what is right', async ({ run }) => {
      await run();
    });

    it('has a broken thing for every check', () => {
      expect(Object.keys(broken).sort()).toEqual(right.map(({ name }) => name).sort());
    });

    const rows = Object.entries(broken).flatMap(([check, things]) => Object.entries(things).map(([what, make]) => ({ check, what, make })));
    it.each(rows)('$check: fails for $what', async ({ check, make }) => {
      const found = make().find(({ name }) => name === check);
      await expect(found?.run()).rejects.toMatchObject({ code: expect.stringMatching(/^MAN_(TESTKIT_FAILED|(CORE|DATA)_\w+)$/) });
    });
  });
}
