import {
  anyOf,
  type ConfigSchema,
  finiteNumber,
  isManError,
  listOf,
  nonNegativeInt,
  nonNegativeNumber,
  oneOf,
  type Property,
  positiveInt,
  positiveNumber,
  text,
  truth,
  unitInterval,
  wholeInt,
} from '@man/base';
import convict from 'convict';
import { describe, expect, it } from 'vitest';
import { compose } from './compose.ts';
import { memorySource } from './config-source.ts';
import { problemsOf } from './problem.ts';
import { chooseSchema } from './schema.ts';

const judge = (schema: ConfigSchema, yaml: string) => {
  try {
    return { config: compose({ source: memorySource({ 'config.yaml': yaml }), schema }).config, problems: [] };
  } catch (error) {
    if (!isManError(error, 'MAN_CONFIG_INVALID')) throw error;
    return { config: undefined, problems: problemsOf(error) };
  }
};
const accepts = (property: Property, yaml: string) => judge({ x: property }, `x: ${yaml}`).problems.length === 0;

describe('formats take values as typed', () => {
  it.each<[string, Property, string[], string[]]>([
    ['int', { default: 1, format: 'int' }, ['0', '-3', '3.0'], ['"3"', '12abc', '1.5', 'true', 'null', '[1]', '{a: 1}', '.inf', '.nan']],
    ['nat', { default: 1, format: 'nat' }, ['0'], ['-1', '"0"']],
    ['port', { default: 1, format: 'port' }, ['65535'], ['65536', '"80"']],
    ['Number', { default: 1, format: Number }, ['1.5', '.inf'], ['"1.5"', 'true', 'null']],
    ['"Number"', { default: 1, format: 'Number' }, ['1.5'], ['"1.5"']],
    ['Boolean', { default: true, format: Boolean }, ['false'], ['"false"', '0', 'yes']],
    ['String', { default: '', format: String }, ['a', '"1"'], ['1', 'true', 'null', '[a]']],
    ['Array', { default: [], format: Array }, ['[1]', '[]'], ['a', '"1,2"', '{a: 1}', 'null']],
    ['Object', { default: {}, format: Object }, ['{a: {b: {c: 1}}}', '{}'], ['\'{"a": 1}\'', '[1]', '3', 'null']],
    ['*', { default: null, format: '*' }, ['1', 'a', 'null', '[1]', '{a: {b: 1}}'], []],
    ['kind of a number', { default: 1 }, ['2.5'], ['"2"', '[2]']],
    ['kind of a truth value', { default: false }, ['true'], ['"true"', '1']],
    ['kind of a list', { default: [1] }, ['[a]'], ['"a,b"', '1']],
    ['kind of a map', { default: { a: 1 } }, ['{b: {c: 2}}'], ['"{}"', '1', '[]']],
    ['list of values', { default: 'a', format: ['a', 'b', 2] }, ['b', '2'], ['"2"', 'c', '[a]']],
    ['nullable', { default: null, format: 'int', nullable: true }, ['null', '3'], ['"3"', 'a']],
    ['wholeInt', { default: 1, format: wholeInt }, ['-5'], ['1.5', '"1"', '.inf']],
    ['nonNegativeInt', { default: 1, format: nonNegativeInt }, ['0', '7'], ['-1', '0.5', '"0"']],
    ['positiveInt', { default: 1, format: positiveInt }, ['1'], ['0', '1.5', '"12abc"']],
    ['finiteNumber', { default: 1, format: finiteNumber }, ['-1.5'], ['.inf', '.nan', '"1"']],
    ['positiveNumber', { default: 1, format: positiveNumber }, ['1e-9'], ['0', '.inf', '"1"']],
    ['nonNegativeNumber', { default: 1, format: nonNegativeNumber }, ['0'], ['-1e-9', '.nan']],
    ['unitInterval', { default: 1, format: unitInterval }, ['0', '1', '0.5'], ['1.0001', '-0.1', '"0.5"']],
    ['truth', { default: true, format: truth }, ['true', 'false'], ['"true"', 'yes', '1']],
    ['text', { default: 'a', format: text }, ['b'], ['""', '1']],
    ['oneOf', { default: 1, format: oneOf(1, 'auto') }, ['1', 'auto'], ['"1"', 'Auto', '2']],
    ['listOf', { default: [1], format: listOf(positiveInt) }, ['[]', '[1, 2]'], ['[1, "2"]', '1', '[0]']],
    ['anyOf', { default: 1, format: anyOf(oneOf('auto'), positiveInt) }, ['auto', '3'], ['0', '"3"', 'automatic']],
    [
      'a function on maps',
      {
        default: { a: 1 },
        format: (value: unknown) => {
          if (!(value as { a: number }).a) throw new Error('must have a');
        },
      },
      ['{a: 2, b: {c: {d: 1}}}'],
      ['{a: 0}'],
    ],
    [
      'a function on anything',
      {
        default: 3,
        format: (value: unknown) => {
          if (value === 4) throw new Error('not 4');
        },
      },
      ['{a: {b: {c: 1}}}', '"12"', '[x]'],
      ['4'],
    ],
  ])('%s', (_, property, good, bad) => {
    expect(good.filter((yaml) => !accepts(property, yaml))).toEqual([]);
    expect(bad.filter((yaml) => accepts(property, yaml))).toEqual([]);
  });

  it('hands values on unchanged', () => {
    const schema = { n: { default: 1, format: anyOf(oneOf('1e3'), positiveInt) }, o: { default: {}, format: Object }, s: { default: '5' } };
    expect(judge(schema, 'n: "1e3"\no: {a: {b: [1, {c: x}]}}\ns: "007"').config).toEqual({
      n: '1e3',
      o: { a: { b: [1, { c: 'x' }] } },
      s: '007',
    });
  });
});

describe('problems', () => {
  it('say what a required key expects', () => {
    expect(judge({ a: { b: { default: null, format: positiveInt } } }, '').problems).toMatchObject([
      {
        key: 'a.b',
        message: 'a value is required: expected a whole number, 1 or more',
        fix: 'a.b=<a whole number, 1 or more>',
        origin: { kind: 'schema' },
      },
    ]);
  });

  it('suggest a value that passes', () => {
    const fix = (property: Property, yaml: string) => judge({ x: property }, `x: ${yaml}`).problems[0]?.fix;
    expect(fix({ default: 5, format: 'int' }, '"12"')).toBe('x=12');
    expect(fix({ default: 5, format: 'int' }, '12abc')).toBe('x=5');
    expect(fix({ default: 'a' }, '12')).toBe("x='12'");
    expect(fix({ default: 'sgd', format: ['sgd', 'adam'] }, 'adm')).toBe('x=adam');
    expect(fix({ default: 'sgd', format: oneOf('sgd', 'adam') }, 'zzzzz')).toBe('x=sgd');
  });

  it('suggest the default of a map for a text', () => {
    expect(judge({ x: { default: { a: 1 }, format: Object } }, 'x: text').problems).toMatchObject([{ fix: 'x={a: 1}' }]);
  });

  it('use the words of a plain convict format', () => {
    const even = (value: unknown) => {
      if ((value as number) % 2 !== 0) throw new Error('must be even');
    };
    expect(judge({ x: { default: 2, format: even } }, 'x: 3').problems).toMatchObject([
      { message: 'must be even, got 3 (number)', fix: 'x=2' },
    ]);
  });

  it('name unknown keys at every depth, once', () => {
    const schema = { a: { b: { default: 1 } }, none: {} };
    expect(judge(schema, 'a: {bb: 2}\nc: {d: {e: 1}}\nnone: {x: 1}').problems).toMatchObject([
      { key: 'c', message: 'there is no such key in the schema; keys at the top are: a, none', origin: { line: 2 }, fix: '~c' },
      { key: 'a.bb', near: ['a.b'], fix: '~a.bb a.b=2' },
      { key: 'none.x', message: 'there is no such key in the schema; keys in "none" are: none' },
    ]);
  });

  it('name a section that is no map, and a map that is no section', () => {
    expect(judge({ a: { b: { default: 1 } } }, 'a: 3').problems).toMatchObject([
      { key: 'a', message: 'expected a section with the keys b; got 3 (number)' },
    ]);
    expect(judge({ a: { b: { default: 1 } } }, 'a:').problems).toMatchObject([
      { key: 'a', message: 'expected a section with the keys b; got null' },
    ]);
    expect(judge({ a: { default: 1 } }, 'a: {b: {c: 1}}').problems).toMatchObject([
      { key: 'a', message: 'expected a number, got {b: {c: 1}} (map)' },
    ]);
  });

  it('keep sections without keys', () => {
    expect(judge({ a: {}, b: { default: 1 } }, 'a: {}').config).toEqual({ a: {}, b: 1 });
    expect(judge({ a: {} }, '').config).toEqual({ a: {} });
  });

  it('re-issue what a format added to convict itself says', () => {
    convict.addFormat({
      name: 'man-test-even',
      validate(value: unknown) {
        if ((value as number) % 2 !== 0) throw new Error('must be even');
      },
    });
    const schema = { x: { default: 2, format: 'man-test-even' }, y: { default: 1, format: positiveInt } } as unknown as ConfigSchema;
    expect(judge(schema, 'x: 4').config).toEqual({ x: 4, y: 1 });
    expect(judge(schema, 'x: 3\ny: 0').problems).toMatchObject([
      { key: 'y', kind: 'wrong-value' },
      { key: 'x', message: 'must be even: value was 3', origin: { line: 1 } },
    ]);
  });
});

describe('schemas', () => {
  const refusal = (schema: unknown) => {
    try {
      judge(schema as ConfigSchema, '');
    } catch (error) {
      if (isManError(error)) return [error.code, error.message];
      throw error;
    }
    throw new Error('expected an error');
  };
  it.each<[unknown, string, string]>([
    [{ a: undefined }, 'MAN_CONFIG_SCHEMA', 'schema at "a": expected a section or a property, got undefined'],
    [{ a: { b: 5 } }, 'MAN_CONFIG_SCHEMA', 'schema at "a.b": expected a section or a property, got 5'],
    [{ default: 1 }, 'MAN_CONFIG_SCHEMA', 'a property cannot be the whole schema'],
    [{ a: { default: 1, env: 'A' } }, 'MAN_CONFIG_SCHEMA', 'schema at "a": "env" is not supported'],
    [{ a: { default: 1, arg: 'a' } }, 'MAN_CONFIG_SCHEMA', '"arg" is not supported'],
    [{ a: { default: 1, sensitive: true } }, 'MAN_CONFIG_SCHEMA', '"sensitive" is not supported'],
    [{ a: { default: 1, format: 'no-such' } }, 'MAN_CONFIG_SCHEMA', "'a' uses an unknown format type: no-such"],
    [{ defaults: { default: 1 } }, 'MAN_CONFIG_SCHEMA', 'this key is the defaults list'],
    [{ 'a.b': { default: 1 } }, 'MAN_CONFIG_KEY', 'key "a.b" cannot be used'],
    [{ constructor: { default: 1 } }, 'MAN_CONFIG_KEY', 'key "constructor"'],
  ])('%j is refused', (schema, code, message) => {
    const [gotCode, gotMessage] = refusal(schema);
    expect(gotCode).toBe(code);
    expect(gotMessage).toContain(message);
  });

  it('are chosen by name from a table', () => {
    const table = { dgl: { a: { default: 1 } }, infopro: { b: { default: 2 } } };
    expect(chooseSchema('loss', 'infopro', table)).toBe(table.infopro);
    for (const name of ['toString', null, ['dgl'], undefined]) {
      expect(() => chooseSchema('loss', name, table)).toThrow(expect.objectContaining({ code: 'MAN_CONFIG_SCHEMA' }));
    }
    expect(() => chooseSchema('loss', 'own', table)).toThrow(
      'schema at "loss": there is no schema for "own" (text); there are schemas for: dgl, infopro',
    );
  });

  it('may depend on the options and the values', () => {
    const { config } = compose({
      source: memorySource({ 'config.yaml': 'defaults: [loss: small]', 'loss/small.yaml': 'type: dgl\nweight: 2' }),
      overrides: ['loss.weight=3'],
      schema: (choices, raw) => {
        expect(choices).toEqual({ loss: 'small' });
        expect(raw).toEqual({ loss: { type: 'dgl', weight: 3 } });
        return { loss: { type: { default: '' }, weight: { default: 1, format: positiveInt } } };
      },
    });
    expect(config.loss.weight).toBe(3);
  });

  it('read neither the environment nor the arguments of the process', () => {
    process.env.MAN_CONFIG_TEST_X = '5';
    const before = process.argv;
    process.argv = [...before, '--x=7'];
    try {
      expect(judge({ x: { default: 1 } }, '').config).toEqual({ x: 1 });
    } finally {
      process.argv = before;
      delete process.env.MAN_CONFIG_TEST_X;
    }
  });
});
