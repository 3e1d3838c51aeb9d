import { defineSchema, isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { compose } from './compose.ts';
import { memorySource } from './config-source.ts';
import { type ConfigProblem, problemsOf } from './problem.ts';

const problems = (act: () => unknown): readonly ConfigProblem[] => {
  try {
    act();
  } catch (error) {
    if (isManError(error, 'MAN_CONFIG_INVALID')) return problemsOf(error);
    throw error;
  }
  throw new Error('expected problems');
};

describe('overrides of values', () => {
  const schema = defineSchema({
    a: { b: { default: 1 }, list: { default: [1] }, c: { default: 0 } },
    open: { default: { x: 1 }, format: Object },
  });
  const run = (...overrides: string[]) =>
    compose({ source: memorySource({ 'config.yaml': 'a: {b: 2}\nopen: {y: 2}' }), schema, overrides }).config;
  it.each<[string[], unknown]>([
    [['a.b=3'], { a: { b: 3 } }],
    [['a.c=3'], { a: { c: 3 } }],
    [['+a.c=3'], { a: { c: 3 } }],
    [['++a.b=3', '++a.c=4'], { a: { b: 3, c: 4 } }],
    [['~a.b'], { a: { b: 1 } }],
    [['~a.b=2'], { a: { b: 1 } }],
    [['a.list+=[2,3]', 'a.list+=[4]'], { a: { list: [1, 2, 3, 4] } }],
    [['a={c: 5}'], { a: { b: 2, c: 5 } }],
    [['a.b=3', 'a.b=4'], { a: { b: 4 } }],
    [['+open.z={deep: {er: 1}}'], { open: { x: 1, y: 2, z: { deep: { er: 1 } } } }],
    [['~open.y'], { open: { x: 1 } }],
  ])('%j', (overrides, expected) => {
    expect(run(...overrides)).toMatchObject(expected as object);
  });

  it.each<[string, string, string | undefined]>([
    ['+a.b=3', '"+" adds a key, but "a.b" is set already', 'a.b=3'],
    ['+a={b: 3}', '"a" is a section that exists already', 'a={b: 3}'],
    ['~a.bb', 'there is no key "a.bb" to delete', undefined],
    ['~a.c', 'no file or override sets "a.c"', undefined],
    ['~a.b=9', 'expected the value 9, but it is 2', '~a.b'],
    ['a.b+=[3]', 'expected a list to append to, but it is 2', 'a.b=[3]'],
    ['a.lst+=[3]', 'there is no key "a.lst"', 'a.list+=[3]'],
    ['open.z=1', 'to add it type +open.z=1', '+open.z=1'],
    ['a.b.c=1', 'there is no key "a.b.c"', 'a.c=1'],
    ['a=3', 'expected a section with the keys b, list, c; got 3 (number)', '~a (or leave the override out)'],
  ])('%s is refused', (text, message, fix) => {
    const [problem] = problems(() => run(text));
    expect(problem?.message).toContain(message);
    expect(problem?.fix).toBe(fix);
    expect(problem?.origin).toEqual({ kind: 'override', text });
  });
});

describe('keys of other programs', () => {
  const schema = defineSchema({ train: { rate: { default: 1 }, epochs: { default: 2 } } });
  const first = (override: string) =>
    problems(() =>
      compose({
        source: memorySource({ 'config.yaml': '' }),
        schema,
        overrides: [override],
        synonyms: { lr: 'train.rate', 'hydra.job': 'train' },
      }),
    )[0];
  it.each([
    ['lr=3', 'train.rate=3'],
    ['hydra.job.epochs=3', 'train.epochs=3'],
    ['hydra.job.epoch=3', 'train.epochs=3'],
    ['hydra.job.nothing=3', undefined],
  ])('%s suggests %s', (override, fix) => {
    expect(first(override)?.fix).toBe(fix);
  });
});
