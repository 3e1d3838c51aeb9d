/** One thing that must hold. */
export interface Check {
  /** What holds, as the end of a sentence: "leaves no tensors behind". Stays the same between releases of one major version. */
  readonly name: string;
  /** Rejects with MAN_TESTKIT_FAILED where it does not hold, or with what the checked code threw. Checks run one after the other. */
  run(): Promise<void>;
}

/** What runs tests: `test` of vitest, node:test, Jest or Mocha (there called `it`). */
export interface TestRunner {
  test(name: string, run: () => Promise<void>): unknown;
}

/**
 * Hands every check to a test runner, as a test of its own.
 *
 * @example
 * ```ts
 * import { describe, test } from 'node:test';
 * describe('my loss', () => runConformance(lossConformance(() => myLoss()), { test }));
 * ```
 */
export function runConformance(checks: readonly Check[], { test }: TestRunner): void {
  for (const { name, run } of checks) test(name, run);
}

/** Checks by name, before it is known of what. */
export type ChecksOf<Subject> = Readonly<Record<string, (subject: Subject) => void | Promise<void>>>;

/** The checks of one subject. */
export function checksOf<Subject>(checks: ChecksOf<Subject>, subject: Subject): Check[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    run: async () => {
      await check(subject);
    },
  }));
}
