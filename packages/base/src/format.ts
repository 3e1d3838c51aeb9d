import { formatValue } from './value.ts';

/**
 * A strict check of one value, usable as the `format` of a convict property: throws unless the value, as typed, fits.
 *
 * `T` is the type of the values that pass.
 */
export interface Format<T> {
  (value: unknown): void;
  /** What passes, in words: `a whole number, 1 or more`. */
  readonly expects: string;
  /** Carries the type only; never set. */
  readonly passes?: T;
}

/**
 * A format of one's own.
 *
 * @param expects what passes, in words that fit after "expected"
 * @param test whether a value passes; it is given the value as typed, never a coerced one
 * @example
 * ```ts
 * import { format } from '@man/base';
 *
 * export const evenInt = format<number>('an even number', (value) => Number.isInteger(value) && (value as number) % 2 === 0);
 * ```
 */
export function format<T>(expects: string, test: (value: unknown) => boolean): Format<T> {
  const check = (value: unknown): void => {
    if (!test(value)) throw new TypeError(`expected ${expects}`);
  };
  return Object.assign(check, { expects });
}

const isNumber = (value: unknown, passes: (value: number) => boolean): boolean =>
  typeof value === 'number' && Number.isFinite(value) && passes(value);

/** A whole number of any sign. */
export const wholeInt: Format<number> = format('a whole number', (value) => isNumber(value, Number.isSafeInteger));
/** A whole number, 0 or more. */
export const nonNegativeInt: Format<number> = format('a whole number, 0 or more', (value) =>
  isNumber(value, (n) => Number.isSafeInteger(n) && n >= 0),
);
/** A whole number, 1 or more. */
export const positiveInt: Format<number> = format('a whole number, 1 or more', (value) =>
  isNumber(value, (n) => Number.isSafeInteger(n) && n >= 1),
);
/** A number that is neither infinite nor nan. */
export const finiteNumber: Format<number> = format('a finite number', (value) => isNumber(value, () => true));
/** A finite number above 0. */
export const positiveNumber: Format<number> = format('a number above 0', (value) => isNumber(value, (n) => n > 0));
/** A finite number, 0 or more. */
export const nonNegativeNumber: Format<number> = format('a number, 0 or more', (value) => isNumber(value, (n) => n >= 0));
/** A number in [0, 1]. */
export const unitInterval: Format<number> = format('a number from 0 to 1', (value) => isNumber(value, (n) => n >= 0 && n <= 1));
/** `true` or `false`. */
export const truth: Format<boolean> = format('true or false', (value) => typeof value === 'boolean');
/** A text that is not empty. */
export const text: Format<string> = format('a text that is not empty', (value) => typeof value === 'string' && value !== '');

/** A format that names its values one by one. */
export interface OneOf<T> extends Format<T> {
  /** The values that pass. */
  readonly values: readonly T[];
}

/** One of a few values, compared without coercion. */
export function oneOf<const V extends readonly [Leaf, ...Leaf[]]>(...values: V): OneOf<V[number]> {
  const check = format<V[number]>(`one of ${values.map(formatValue).join(', ')}`, (value) => values.includes(value as Leaf));
  return Object.assign(check, { values });
}

type Leaf = string | number | boolean | null;

/** A list whose items all pass a format. */
export function listOf<T>(item: Format<T>): Format<readonly T[]> {
  return format(`a list, each item ${item.expects}`, (value) => Array.isArray(value) && value.every((inner) => passes(item, inner)));
}

/** A value that passes at least one of some formats, e.g. `anyOf(oneOf('auto'), positiveInt)`. */
export function anyOf<T extends readonly [Format<unknown>, ...Format<unknown>[]]>(...formats: T): Format<Passed<T[number]>> {
  return format(formats.map(({ expects }) => expects).join(', or '), (value) => formats.some((one) => passes(one, value)));
}

type Passed<F> = F extends Format<infer T> ? T : never;

function passes(check: Format<unknown>, value: unknown): boolean {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
}
