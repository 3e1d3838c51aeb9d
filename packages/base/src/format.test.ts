import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  anyOf,
  type ConfigOf,
  defineSchema,
  type Format,
  finiteNumber,
  format,
  formatValue,
  listOf,
  nonNegativeInt,
  nonNegativeNumber,
  oneOf,
  positiveInt,
  positiveNumber,
  text,
  truth,
  unitInterval,
  wholeInt,
} from './index.ts';

const passes = (check: Format<unknown>, value: unknown) => {
  try {
    check(value);
    return true;
  } catch {
    return false;
  }
};

describe('formats', () => {
  it.each<[string, Format<unknown>, unknown[], unknown[]]>([
    ['wholeInt', wholeInt, [-5, 0], [1.5, '1', Number.POSITIVE_INFINITY, 2 ** 53]],
    ['nonNegativeInt', nonNegativeInt, [0, 7], [-1, 0.5, '0']],
    ['positiveInt', positiveInt, [1], [0, 1.5, null]],
    ['finiteNumber', finiteNumber, [-1.5], [Number.NaN, Number.POSITIVE_INFINITY, '1']],
    ['positiveNumber', positiveNumber, [1e-9], [0]],
    ['nonNegativeNumber', nonNegativeNumber, [0], [-1e-9]],
    ['unitInterval', unitInterval, [0, 0.5, 1], [-0.1, 1.01]],
    ['truth', truth, [true, false], ['true', 1]],
    ['text', text, ['b'], ['', 1]],
    ['oneOf', oneOf(1, 'auto'), [1, 'auto'], ['1', 'Auto']],
    ['listOf', listOf(positiveInt), [[], [1, 2]], [[0], 1, 'a']],
    ['anyOf', anyOf(oneOf('auto'), positiveInt), ['auto', 3], ['3', 0]],
    ['format', format<number>('4 or 8', (value) => value === 4 || value === 8), [4], [5]],
  ])('%s', (_, check, good, bad) => {
    expect(good.filter((value) => !passes(check, value))).toEqual([]);
    expect(bad.filter((value) => passes(check, value))).toEqual([]);
    expect(() => check({})).toThrow(`expected ${check.expects}`);
  });

  it('name what they take', () => {
    expect(listOf(anyOf(oneOf('a b', 'c'), positiveInt)).expects).toBe("a list, each item one of 'a b', c, or a whole number, 1 or more");
    expect(oneOf(1, null).values).toEqual([1, null]);
  });
});

describe('defineSchema', () => {
  it('gives the type of the configuration', () => {
    const schema = defineSchema({ a: { default: 1 }, b: { c: { default: null, format: oneOf('x', 'y'), nullable: true } } });
    expectTypeOf<ConfigOf<typeof schema>>().toEqualTypeOf<{ readonly a: number; readonly b: { readonly c: 'x' | 'y' | null } }>();
    expect(Object.keys(schema)).toEqual(['a', 'b']);
  });
});

describe('formatValue', () => {
  it.each<[unknown, string]>([
    ['a,b', "'a,b'"],
    ['plain', 'plain'],
    ['null', "'null'"],
    [[1, 'x'], '[1,x]'],
    [{ a: { b: true } }, '{a: {b: true}}'],
    [Number.NaN, 'nan'],
    [null, 'null'],
  ])('%j', (value, written) => {
    expect(formatValue(value)).toBe(written);
  });
});
