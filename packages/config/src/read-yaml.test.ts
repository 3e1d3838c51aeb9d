import { createRng, isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { readYaml } from './read-yaml.ts';
import { leaves, toValue } from './tree.ts';

const read = (text: string) => toValue(readYaml('conf/x.yaml', text).tree);
const refusal = (text: string): { code: string; message: string } => {
  try {
    readYaml('conf/x.yaml', text);
  } catch (error) {
    if (isManError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('expected an error');
};

describe('reading YAML', () => {
  it('reads YAML 1.2 values', () => {
    const text = 'a: 1e-3\nb: no\nc: .inf\nd: ~\ne: [1, {f: x}]\ng:\n  h: "1"\n3: three\ni: 0x1F\nj:\n';
    expect(read(text)).toStrictEqual({
      a: 0.001,
      b: 'no',
      c: Infinity,
      d: null,
      e: [1, { f: 'x' }],
      g: { h: '1' },
      3: 'three',
      i: 31,
      j: null,
    });
  });

  it('remembers the line of every leaf', () => {
    const { tree } = readYaml('conf/x.yaml', '# one\na: 1\nb:\n  c: 2\n  d: {e: 3,\n      f: 4}\ng:\n  - 5\n');
    const lines = leaves(tree).map(({ key, node }) => [key, node.origin.kind === 'file' ? node.origin.line : 0]);
    expect(lines).toEqual([
      ['a', 2],
      ['b.c', 4],
      ['b.d.e', 5],
      ['b.d.f', 6],
      ['g', 7],
    ]);
  });

  it('reads empty files, the defaults list and the package line', () => {
    expect(readYaml('f', '')).toMatchObject({ defaults: undefined, global: false });
    expect(readYaml('f', '# nothing\n').tree.entries.size).toBe(0);
    const file = readYaml('f', '# @package _global_\ndefaults:\n  - override /a: b\nx: 1\n');
    expect(file.global).toBe(true);
    expect(toValue(file.tree)).toEqual({ x: 1 });
    expect(file.defaults?.kind).toBe('list');
  });

  it('expands aliases', () => {
    expect(read('a: &x {b: 1}\nc: *x\nd: [*x, *x]')).toEqual({ a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }, { b: 1 }] });
  });

  it.each([
    ['a: [1\nb: 2', 'MAN_CONFIG_YAML', 'conf/x.yaml:2: not valid YAML'],
    ['a: 1\n\tb: 2', 'MAN_CONFIG_YAML', 'conf/x.yaml:'],
    ['- 1\n- 2', 'MAN_CONFIG_YAML', 'conf/x.yaml:1: expected a map of keys at the top, got a list'],
    ['just text', 'MAN_CONFIG_YAML', 'expected a map of keys at the top, got a scalar'],
    ['a: 1\n---\nb: 2', 'MAN_CONFIG_YAML', 'expected one document in the file'],
    ['a: 1\nb: 2\na: 3', 'MAN_CONFIG_YAML', 'conf/x.yaml:3: the key "a" comes twice'],
    ['a: !thing 1', 'MAN_CONFIG_YAML', 'conf/x.yaml:1: not valid YAML: Unresolved tag'],
    ['a: *nowhere', 'MAN_CONFIG_YAML', 'nowhere'],
    ['? {a: 1}\n: 2', 'MAN_CONFIG_YAML', 'a key must be a plain word'],
    ['a: 1\n<<: {b: 2}', 'MAN_CONFIG_YAML', 'conf/x.yaml:2: "<<" is not part of YAML 1.2'],
    ['a: 1\nseed: 12345678901234567890', 'MAN_CONFIG_YAML', 'conf/x.yaml:2: the whole number 12345678901234567890'],
    ['# @package foo.bar\na: 1', 'MAN_CONFIG_YAML', 'unknown package "foo.bar"'],
    ['a:\n  __proto__: {polluted: true}', 'MAN_CONFIG_KEY', 'conf/x.yaml:2: key "__proto__"'],
    ['constructor: {prototype: {polluted: true}}', 'MAN_CONFIG_KEY', 'key "constructor"'],
    ['"prototype": 1', 'MAN_CONFIG_KEY', 'key "prototype"'],
    ['a: {default: 1}', 'MAN_CONFIG_KEY', 'key "default" cannot be used: convict reads it as a mark'],
    ['a.b: 1', 'MAN_CONFIG_KEY', 'key "a.b" cannot be used: it is not a plain name'],
    ['"a b": 1', 'MAN_CONFIG_KEY', 'it is not a plain name'],
  ])('refuses %j', (text, code, message) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('hostile YAML is a clear error', () => {
  const bomb = [
    'a: &a [1,1,1,1,1,1,1,1,1,1]',
    ...'bcdefghi'.split('').map((k, i) => `${k}: &${k} [${`*${'abcdefgh'[i]},`.repeat(10)}]`),
  ].join('\n');
  it.each<[string, string]>([
    ['alias bomb', bomb],
    ['alias cycle', 'a: &a [*a]'],
    ['alias cycle through maps', 'a: &a {b: {c: *a}}'],
    ['10,000 brackets', `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['100,000 open brackets', '['.repeat(100_000)],
    ['10,000 dashes', `${'- '.repeat(10_000)}1`],
    ['10,000 maps', '{a: '.repeat(10_000)],
    ['question marks', '? '.repeat(10_000)],
    ['deep blocks', Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['huge file', `a: ${'x'.repeat(300_000)}`],
    ['many values', `a: [${'1,'.repeat(20_001)}]`],
  ])('%s', (_, text) => {
    expect(refusal(text).code).toBe('MAN_CONFIG_TOO_BIG');
  });

  it('reads 10,000 keys without comparing each with each', () => {
    const text = Array.from({ length: 10_000 }, (_, i) => `k${i}: ${i}`).join('\n');
    const start = performance.now();
    expect(Object.keys(read(text) as object)).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('any text is read, or refused with a ManError', () => {
    const rng = createRng(5);
    const pieces = [
      'a',
      'b',
      ': ',
      '- ',
      '\n',
      '\n  ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '&x ',
      '*x',
      '"',
      "'",
      '|',
      '>',
      '#',
      '!',
      '? ',
      '%',
      '---',
      '1',
      '~',
      '<<',
      '\t',
      '\u0000',
      '__proto__',
      'é',
    ];
    for (let i = 0; i < 3000; i++) {
      const text = Array.from({ length: 1 + rng.integer(14) }, () => pieces[rng.integer(pieces.length)]).join('');
      try {
        read(text);
      } catch (error) {
        if (!isManError(error)) throw new Error(`${JSON.stringify(text)} threw ${String(error)}`);
      }
    }
  });
});
