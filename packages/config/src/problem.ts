import { isManError } from '@man/base';
import { describeOrigin, type Origin } from './origin.ts';

/** One thing that is wrong with the values of a configuration. */
export interface ConfigProblem {
  /** `unknown-key`: not in the schema; `wrong-value`: refused by its format; `override`: cannot be applied; `interpolation`: cannot be resolved; `rule`: refused by `refine`. */
  readonly kind: 'unknown-key' | 'wrong-value' | 'override' | 'interpolation' | 'rule';
  /** Key path, e.g. `optim.lr`. */
  readonly key: string;
  /** What was expected and what came, e.g. `expected a number above 0, got "abc" (text)`. */
  readonly message: string;
  /** Where the value was set. */
  readonly origin: Origin | undefined;
  /** Names like the one that was not found, nearest first. */
  readonly near: readonly string[];
  /** What to type on the command line to be rid of the problem, e.g. `optim.lr=0.1`. */
  readonly fix: string | undefined;
}

/** Lines of text about a problem, the first with key and message. */
export function describeProblem(problem: ConfigProblem): string[] {
  const { key, message, origin, near, fix } = problem;
  return [
    `${key}: ${message}`,
    ...(origin === undefined ? [] : [`set in ${describeOrigin(origin)}`]),
    ...(near.length === 0 ? [] : [`did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`]),
    ...(fix === undefined ? [] : [`type: ${fix}`]),
  ];
}

/**
 * The single problems of a `MAN_CONFIG_INVALID` error; none for any other error.
 *
 * @example
 * ```ts
 * import { problemsOf } from '@man/config';
 *
 * const keysToMark = (error: unknown) => problemsOf(error).map((problem) => problem.key);
 * ```
 */
export function problemsOf(error: unknown): readonly ConfigProblem[] {
  if (!isManError(error, 'MAN_CONFIG_INVALID')) return [];
  return (error.cause as { readonly problems: readonly ConfigProblem[] }).problems;
}
