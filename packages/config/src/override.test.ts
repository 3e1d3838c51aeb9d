// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations are what is tested
import { createRng, formatValue, isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { parseOverride, readOverrides } from './override.ts';

const thrown = (act: () => unknown): { code: string; message: string; hint: string } => {
  try {
    act();
  } catch (error) {
    if (isManError(error)) return { code: error.code, message: error.message, hint: error.hint ?? '' };
    throw error;
  }
  throw new Error('expected an error');
};

describe('values', () => {
  it.each<[string, unknown]>([
    ['', ''],
    ['  ', ''],
    ['abc', 'abc'],
    ['two words', 'two words'],
    ['C:\\data\\x', 'C:\\data\\x'],
    ['https://a.b/c?d=e', 'https://a.b/c?d=e'],
    ['null', null],
    ['NULL', null],
    ['nullable', 'nullable'],
    ['true', true],
    ['False', false],
    ['0', 0],
    ['-0', 0],
    ['42', 42],
    ['+42', 42],
    ['1_000_000', 1_000_000],
    ['007', '007'],
    ['1__0', '1__0'],
    ['12abc', '12abc'],
    ['1e-3', 0.001],
    ['1_0e2', 1000],
    ['.5', 0.5],
    ['5.', 5],
    ['-1.5E+2', -150],
    ['1.2.3', '1.2.3'],
    ['e5', 'e5'],
    ['inf', Number.POSITIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['.inf', Number.POSITIVE_INFINITY],
    ['nan', Number.NaN],
    ['infinite', 'infinite'],
    ["'a,b'", 'a,b'],
    ['"12"', '12'],
    ["''", ''],
    ["'it\\'s'", "it's"],
    ['"a\\n\\t\\u0041\\\\"', 'a\n\tA\\'],
    ['[]', []],
    ['[1, 2.5,abc , "x,y"]', [1, 2.5, 'abc', 'x,y']],
    ['[[1],[2,[3]]]', [[1], [2, [3]]]],
    ['{}', {}],
    ['{a: 1, "b": [x], c: {d: null}}', { a: 1, b: ['x'], c: { d: null } }],
    ['{url: http://x:80/y}', { url: 'http://x:80/y' }],
    ['{1: a}', { 1: 'a' }],
    ['${a.b}', '${a.b}'],
    ['x-${env:A,b}-${now:%H:%M}', 'x-${env:A,b}-${now:%H:%M}'],
    ['[${a},${env:B,c}]', ['${a}', '${env:B,c}']],
    ['\\${a}', '\\${a}'],
    ["'\\${a}'", '\\${a}'],
  ])('reads %j', (text, value) => {
    expect(parseOverride(`k=${text}`).value).toStrictEqual(value);
  });

  it.each([
    ['[1,2', 'expected "," or "]", got the end (column 7)'],
    ['[1 2]x', 'expected the end, got "x" (column 8)'],
    ['[,1]', 'a value is missing (column 4)'],
    ['[1,]', 'a value is missing (column 6)'],
    ['{a}', 'expected ":", got "}" (column 5)'],
    ['{a: 1, a: 2}', 'the key "a" comes twice (column 11)'],
    ['{: 1}', 'expected a key (column 4)'],
    ['a,b', 'a comma ends the value (column 4)'],
    ["it's", '"\'" inside a text without quotes (column 5)'],
    ['"abc', 'the quote " is not closed (column 3)'],
    ["'\\x'", 'an unknown escape (column 4)'],
    ["'\\u12'", 'an unknown escape (column 4)'],
    ['a]', '"]" inside a text without quotes (column 4)'],
    ['${a', 'the interpolation ${ is not closed (column 3)'],
    ['range(1,3)', 'name(…) is kept for sweeps (column 3)'],
    ['1e999', 'this number is too large for a double (column 3)'],
    ['9007199254740993', 'would be rounded (column 3)'],
  ])('refuses %j: %s', (text, message) => {
    const error = thrown(() => parseOverride(`k=${text}`));
    expect(error.code).toBe('MAN_CONFIG_OVERRIDE');
    expect(error.message).toContain(message);
    expect(error.hint).not.toBe('');
  });

  it('refuses ten thousand brackets without ending the process', () => {
    expect(thrown(() => parseOverride(`k=${'['.repeat(10_000)}`)).message).toContain('nested more than 50 deep');
    expect(thrown(() => parseOverride(`k=${'{a:'.repeat(10_000)}`)).message).toContain('nested more than 50 deep');
    expect(thrown(() => parseOverride(`k=${'x'.repeat(300_000)}`)).code).toBe('MAN_CONFIG_TOO_BIG');
  });

  it('reads back what formatValue writes', () => {
    const rng = createRng(3);
    const alphabet = [
      'a',
      'Z',
      '1',
      '.',
      '-',
      '_',
      ' ',
      ',',
      ':',
      '[',
      '}',
      "'",
      '"',
      '\\',
      '\n',
      '\t',
      '=',
      '~',
      'é',
      'e5',
      'null',
      'inf',
    ];
    const text = () => Array.from({ length: rng.integer(6) }, () => alphabet[rng.integer(alphabet.length)]).join('');
    const value = (depth: number): unknown => {
      const kind = rng.integer(depth > 3 ? 5 : 7);
      if (kind === 0) return [null, true, false, Number.NaN, Number.NEGATIVE_INFINITY][rng.integer(5)];
      if (kind === 1) return rng.integer(1000) - 500;
      if (kind === 2) return (rng.next() - 0.5) * 10 ** (rng.integer(60) - 30);
      if (kind < 5) return text();
      if (kind === 5) return Array.from({ length: rng.integer(4) }, () => value(depth + 1));
      return Object.fromEntries(Array.from({ length: rng.integer(4) }, (_, i) => [`k${i}`, value(depth + 1)]));
    };
    for (let i = 0; i < 2000; i++) {
      const made = value(0);
      expect(parseOverride(`k=${formatValue(made)}`).value).toStrictEqual(made);
    }
  });
});

describe('forms', () => {
  it.each([
    ['a.b=1', 'set', 'a.b', 1],
    [' a = 1 ', 'set', 'a', 1],
    ['+a.b=1', 'add', 'a.b', 1],
    ['++a.b=1', 'force', 'a.b', 1],
    ['~a.b', 'delete', 'a.b', undefined],
    ['~a.b=1', 'delete', 'a.b', 1],
    ['a.b+=[1]', 'append', 'a.b', [1]],
    ['a-b_c.2=x', 'set', 'a-b_c.2', 'x'],
    ['track/files=csv', 'set', 'track/files', 'csv'],
    ['a=b+=c', 'set', 'a', 'b+=c'],
  ])('reads %j', (text, action, key, value) => {
    expect(parseOverride(text)).toMatchObject({ action, key });
    expect(parseOverride(text).value).toStrictEqual(value);
  });

  it.each([
    ['', 'expected a key', 'an override is key=value'],
    ['=1', 'expected a key', 'an override is'],
    ['abc', 'expected "=" and a value (column 4)', 'type abc=value, or ~abc'],
    ['a..b=1', '"a..b" is not a key', 'an override is'],
    ['.a=1', '".a" is not a key', 'an override is'],
    ['a@b=1', '"@" in a key is kept for moving groups (column 2)', 'group=option'],
    ['a+=1', 'only a list can be appended', 'type a+=[1]'],
    ['+a+=[1]', '"+" and "+=" exclude each other', 'key+=[value]'],
  ])('refuses %j', (text, message, hint) => {
    const error = thrown(() => parseOverride(text));
    expect(error.code).toBe('MAN_CONFIG_OVERRIDE');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it.each([
    '__proto__=1',
    'a.constructor=1',
    'prototype.x=1',
    'a={__proto__: 1}',
    'a={"constructor": 1}',
    'a.default=1',
    'a b=1',
    '--help=1',
    '../x=1',
  ])('refuses the key in %j', (text) => expect(thrown(() => parseOverride(text)).code).toBe('MAN_CONFIG_KEY'));
});

describe('lists of overrides', () => {
  it('reads files in place, without comments', () => {
    const files: Record<string, string> = { 'o.txt': '\uFEFF# all\n\n  a=1  # one\r\nb="x # y"\nc=u#v\n' };
    const read = readOverrides(['z=0', '@o.txt', 'y=9'], (path) => files[path] as string);
    expect(read.map(({ text }) => text)).toEqual(['z=0', 'a=1', 'b="x # y"', 'c=u#v', 'y=9']);
    expect(read[1]?.origin).toEqual({ kind: 'override', text: 'a=1', file: 'o.txt', line: 3 });
  });

  it('names a file that is missing, nested or huge', () => {
    const missing = thrown(() =>
      readOverrides(['@/no/such.txt'], () => {
        throw new Error('ENOENT');
      }),
    );
    expect(missing).toMatchObject({ code: 'MAN_CONFIG_OVERRIDE_FILE', message: 'override file "/no/such.txt": cannot be read: ENOENT' });
    expect(thrown(() => readOverrides(['@a'], () => 'x=1\n@b')).message).toBe(
      'override file "a": line 2 names another override file, "@b"',
    );
    expect(thrown(() => readOverrides(['@a'], () => 'x'.repeat(300_000))).code).toBe('MAN_CONFIG_TOO_BIG');
    expect(thrown(() => readOverrides(['@a'], () => 'a=1\n'.repeat(10_001))).code).toBe('MAN_CONFIG_TOO_BIG');
  });

  it('reports every override that cannot be read', () => {
    const error = thrown(() => readOverrides(['a=[', 'b=1', 'c'], String));
    expect(error.message).toContain('2 overrides cannot be read:');
    expect(error.message).toContain('1. override "a=["');
    expect(error.message).toContain('2. override "c": expected "=" and a value');
  });
});

describe('any text', () => {
  it('is read, or refused with a ManError', () => {
    const rng = createRng(11);
    const pieces = [
      'a',
      'b.c',
      '=',
      '+',
      '~',
      '@',
      '/',
      '[',
      ']',
      '{',
      '}',
      ':',
      ',',
      "'",
      '"',
      '\\',
      '${',
      '$',
      ' ',
      '\n',
      '1',
      '1e9',
      '_',
      '-',
      '.',
      'null',
      'inf',
      '(',
      ')',
      '\u0000',
      '\uD800',
      '𝔘',
      '__proto__',
    ];
    let read = 0;
    for (let i = 0; i < 20_000; i++) {
      const prefix = i % 2 === 0 ? 'k=' : '';
      const text = prefix + Array.from({ length: rng.integer(12) }, () => pieces[rng.integer(pieces.length)]).join('');
      try {
        parseOverride(text);
        read++;
      } catch (error) {
        if (!isManError(error)) throw new Error(`${JSON.stringify(text)} threw ${String(error)}`);
        expect(error.code).toMatch(/^MAN_CONFIG_(OVERRIDE|KEY)$/);
      }
    }
    expect(read).toBeGreaterThan(1000);
  });
});
