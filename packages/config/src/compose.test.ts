// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations are what is tested
import {
  anyOf,
  type ConfigSchema,
  createRng,
  defineSchema,
  format,
  isManError,
  listOf,
  nonNegativeInt,
  oneOf,
  positiveInt,
  positiveNumber,
  unitInterval,
} from '@man/base';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type ComposeOptions, compose } from './compose.ts';
import { memorySource } from './config-source.ts';
import { type ConfigProblem, problemsOf } from './problem.ts';
import { renderDefaults, renderHelp } from './render.ts';
import { chooseSchema } from './schema.ts';

const files = {
  'config.yaml': 'defaults:\n  - optim: sgd\n  - loss: dgl\n  - _self_\nseed: 7\nname: ${loss.type}-${seed}\n',
  'optim/sgd.yaml': 'lr: 0.1\nmomentum: 0.9\n',
  'optim/adam.yaml': 'lr: 0.001\nbetas: [0.9, 0.999]\n',
  'loss/dgl.yaml': 'type: dgl\nweight: 1\n',
  'loss/infopro.yaml': 'type: infopro\nweights:\n  image: 0.5\n  label: 2\n',
};
const optim = {
  sgd: { lr: { doc: 'Learning rate.', default: 0.05, format: positiveNumber }, momentum: { default: 0, format: unitInterval } },
  adam: {
    lr: { doc: 'Learning rate.', default: 0.001, format: positiveNumber },
    betas: { default: [0.9, 0.9], format: listOf(unitInterval) },
  },
} satisfies Record<string, ConfigSchema>;
const loss = {
  dgl: { type: { default: 'dgl', format: oneOf('dgl') }, weight: { default: 1, format: positiveNumber } },
  infopro: {
    type: { default: 'infopro', format: oneOf('infopro') },
    weights: { image: { default: 1, format: 'Number' }, label: { default: 1 } },
  },
} satisfies Record<string, ConfigSchema>;
const top = defineSchema({
  seed: { doc: 'Of every random stream.', default: 0, format: nonNegativeInt },
  name: { default: 'run' },
  epochs: { doc: 'Passes over the data.', default: 10, format: positiveInt },
});

const load = (overrides: string[] = [], more: Partial<ComposeOptions<ConfigSchema>> = {}) =>
  compose<ConfigSchema>({
    source: memorySource(files),
    schema: (choices) => ({
      ...top,
      optim: chooseSchema('optim', choices.optim, optim),
      loss: chooseSchema('loss', choices.loss, loss),
    }),
    overrides,
    env: {},
    ...more,
  });

const problems = (act: () => unknown): readonly ConfigProblem[] => {
  try {
    act();
  } catch (error) {
    if (isManError(error, 'MAN_CONFIG_INVALID')) return problemsOf(error);
    throw error;
  }
  throw new Error('expected problems');
};

describe('a composed configuration', () => {
  it('holds files, overrides and defaults of the schema, each with its origin', () => {
    const { config, origins, choices } = load(['optim=adam', 'seed=1_000', 'optim.betas+=[0.5]']);
    expect(config).toEqual({
      seed: 1000,
      name: 'dgl-1000',
      epochs: 10,
      optim: { lr: 0.001, betas: [0.9, 0.999, 0.5] },
      loss: { type: 'dgl', weight: 1 },
    });
    expect(choices).toEqual({ optim: 'adam', loss: 'dgl' });
    expect(Object.fromEntries(origins)).toEqual({
      seed: { kind: 'override', text: 'seed=1_000' },
      name: { kind: 'file', file: 'conf/config.yaml', line: 6, column: 1 },
      epochs: { kind: 'schema' },
      'optim.lr': { kind: 'file', file: 'conf/optim/adam.yaml', line: 1, column: 1 },
      'optim.betas': { kind: 'override', text: 'optim.betas+=[0.5]' },
      'loss.type': { kind: 'file', file: 'conf/loss/dgl.yaml', line: 1, column: 1 },
      'loss.weight': { kind: 'file', file: 'conf/loss/dgl.yaml', line: 2, column: 1 },
    });
  });

  it('gives the keys of a copied section the origin of the reference, and fills it from the schema', () => {
    const schema = defineSchema({
      a: { x: { default: 1 }, y: { default: 2 } },
      b: { x: { default: 3 }, y: { default: 4 }, z: { default: 5 } },
    });
    const source = memorySource({ 'config.yaml': 'a:\n  x: 9\nb: ${a}\n' });
    const { config, origins } = compose({ source, schema });
    expect(config.b).toEqual({ x: 9, y: 2, z: 5 });
    expect(origins.get('b.x')).toMatchObject({ line: 3 });
    expect(origins.get('a.x')).toMatchObject({ line: 2 });
    expect(origins.get('b.z')).toEqual({ kind: 'schema' });
  });

  it('is frozen at every depth', () => {
    const { config, choices, overrides, files: read } = load(['optim=adam']);
    const all = [config, config.optim, (config.optim as unknown as { betas: unknown }).betas, choices, overrides, read];
    expect(all.every((value) => Object.isFrozen(value))).toBe(true);
  });

  it('does not freeze or change the schema', () => {
    const schema = defineSchema({ list: { default: [1, 2] }, map: { default: { a: 1 } } });
    compose({ source: memorySource({ 'config.yaml': 'map: {b: 2}' }), schema });
    expect(schema).toEqual({ list: { default: [1, 2] }, map: { default: { a: 1 } } });
    expect(Object.isFrozen(schema.list.default)).toBe(false);
  });

  it('has a hash of its values alone', () => {
    const { hash } = load();
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(load([], { source: memorySource({ ...files, 'optim/sgd.yaml': 'momentum: 0.9\nlr: 1e-1\n' }) }).hash).toBe(hash);
    expect(load(['epochs=10', 'seed=7']).hash).toBe(hash);
    expect(load(['seed=8']).hash).not.toBe(hash);
    expect(load(["name='7'"]).hash).not.toBe(load(['name=a7']).hash);
  });

  it('has the hash it always had', () => {
    const schema = defineSchema({ a: { default: 1 }, b: { c: { default: ['x', null, true] }, d: { default: 1.5 } } });
    const { hash } = compose({ source: memorySource({ 'config.yaml': 'b: {d: .inf}' }), schema });
    expect(hash).toBe('bc1e0c77b5f5b185aed1a939a2ce4004f220a569049c3f27bb9a6a1bf076f43c');
  });

  it('writes YAML that composes to the same values', () => {
    const overrides = ["name='a: \\${x} # \\\\\\\\\\${y} \\n'", 'epochs=3', 'optim=adam'];
    const first = load(overrides);
    expect(first.config.name).toContain('${x}');
    const schema = { ...top, optim: optim.adam, loss: loss.dgl };
    const again = compose({ source: memorySource({ 'config.yaml': first.toYaml() }), schema });
    expect(again.config).toEqual(first.config);
    expect(again.hash).toBe(first.hash);
    expect(load().toYaml()).toContain('name: dgl-7');
    expect(load().toYaml({ resolve: false })).toContain('name: ${loss.type}-${seed}');
  });

  it('writes numbers that come back exactly', () => {
    const schema = defineSchema({ list: { default: [] as number[] } });
    const rng = createRng(2);
    const list = [
      Infinity,
      Number.NEGATIVE_INFINITY,
      0,
      1e21,
      2 ** 60,
      5e-324,
      ...Array.from({ length: 50 }, () => rng.next() * 10 ** (rng.integer(40) - 20)),
    ];
    const first = compose({ source: memorySource({ 'config.yaml': '' }), schema: { list: { default: list } } });
    const again = compose({ source: memorySource({ 'config.yaml': first.toYaml() }), schema });
    expect(again.config.list).toEqual(list);
  });

  it('keeps sections apart that say how to run', () => {
    const schema = defineSchema({ seed: { default: 1 }, launcher: { jobs: { default: 1 } } });
    const run = (override: string) =>
      compose({ source: memorySource({ 'config.yaml': '' }), schema, overrides: [override], apart: ['launcher'] });
    expect(run('launcher.jobs=2').hash).toBe(run('launcher.jobs=3').hash);
    expect(run('seed=2').hash).not.toBe(run('seed=3').hash);
    expect(run('launcher.jobs=2').toYaml()).toBe('seed: 1\n');
    expect(run('launcher.jobs=2').toYaml({ apart: true })).toBe('seed: 1\nlauncher:\n  jobs: 2\n');
    expect(run('launcher.jobs=2').config.launcher.jobs).toBe(2);
  });

  it('has the type of its schema', () => {
    const schema = defineSchema({
      ...top,
      mode: { default: 'a', format: ['a', 'b'] },
      workers: { default: 'auto', format: anyOf(oneOf('auto'), positiveInt) },
      clip: { default: null, format: 'Number', nullable: true },
      betas: { default: [0.9, 0.99] },
      own: { default: 4, format: format<4 | 8>('4 or 8', (value) => value === 4 || value === 8) },
    });
    const { config } = compose({ source: memorySource({ 'config.yaml': '' }), schema });
    expectTypeOf(config.seed).toEqualTypeOf<number>();
    expectTypeOf(config.name).toEqualTypeOf<string>();
    expectTypeOf(config.mode).toEqualTypeOf<'a' | 'b'>();
    expectTypeOf(config.workers).toEqualTypeOf<'auto' | number>();
    expectTypeOf(config.clip).toEqualTypeOf<number | null>();
    expectTypeOf(config.betas).toEqualTypeOf<readonly number[]>();
    expectTypeOf(config.own).toEqualTypeOf<4 | 8>();
    expect(config.clip).toBeNull();
    const chosen = compose({
      source: memorySource({ 'config.yaml': '' }),
      schema: () => ({ loss: chooseSchema('loss', 'dgl', loss) }),
    });
    expectTypeOf(chosen.config.loss.type).toEqualTypeOf<'dgl' | 'infopro'>();
    if (chosen.config.loss.type === 'dgl') expectTypeOf(chosen.config.loss.weight).toEqualTypeOf<number>();
  });
});

describe('everything wrong is said at once', () => {
  it('with key, origin, near names and the override to type', () => {
    const source = memorySource({ ...files, 'optim/sgd.yaml': 'lr: fast\nmomentm: 0.9\n' });
    const found = problems(() => load(['epoch=3', 'seed="7"', 'loss.weight=${los.weight}', '+extra.key=1'], { source }));
    expect(found).toMatchObject([
      { kind: 'unknown-key', key: 'epoch', near: ['epochs'], fix: 'epochs=3', origin: { text: 'epoch=3' } },
      { kind: 'interpolation', key: 'loss.weight', near: ['loss.weight'], origin: { text: 'loss.weight=${los.weight}' } },
      { kind: 'unknown-key', key: 'extra', origin: { text: '+extra.key=1' } },
      {
        kind: 'unknown-key',
        key: 'optim.momentm',
        near: ['optim.momentum'],
        fix: '~optim.momentm optim.momentum=0.9',
        origin: { line: 2 },
      },
      { kind: 'wrong-value', key: 'seed', message: 'expected a whole number, 0 or more, got "7" (text)', fix: 'seed=7' },
      { kind: 'wrong-value', key: 'optim.lr', message: 'expected a number above 0, got "fast" (text)', fix: 'optim.lr=0.05' },
    ]);
  });

  it('in words', () => {
    let message = '';
    try {
      load(['optim.lrr=0.4', 'optim.momentum=1.5']);
    } catch (error) {
      message = isManError(error) ? error.describe() : '';
    }
    expect(message).toBe(`the configuration has 2 problems:
  1. optim.lrr: there is no key "optim.lrr"
     set in override "optim.lrr=0.4"
     did you mean "optim.lr"?
     type: optim.lr=0.4
  2. optim.momentum: expected a number from 0 to 1, got 1.5 (number)
     set in override "optim.momentum=1.5"
     type: optim.momentum=0
  → correct the files, or type the overrides shown above
  [MAN_CONFIG_INVALID]`);
  });

  it('with the place inside a file of overrides', () => {
    const [problem] = problems(() => load(['@o.txt'], { readText: () => '# mine\nsed=3' }));
    expect(problem?.origin).toEqual({ kind: 'override', text: 'sed=3', file: 'o.txt', line: 2 });
  });

  it('up to fifty in words, all in the list', () => {
    const many = Array.from({ length: 60 }, (_, i) => `nope${i}: 1`).join('\n');
    const source = memorySource({ ...files, 'config.yaml': `${files['config.yaml']}${many}` });
    expect(problems(() => load([], { source }))).toHaveLength(60);
    expect(() => load([], { source })).toThrow(/^the configuration has 60 problems:.*50\. nope49:.*\n {2}… and 10 more$/s);
  });

  it('and nothing for other errors', () => {
    expect(problemsOf(new Error('x'))).toEqual([]);
  });
});

describe('pages', () => {
  it('show where each value came from', () => {
    expect(renderDefaults(load(['seed=3']))).toBe(`Options
  optim  sgd
  loss   dgl
Files, later ones over earlier ones
  conf/optim/sgd.yaml
  conf/loss/dgl.yaml
  conf/config.yaml
Overrides
  seed=3
Values
  seed            3      override "seed=3"
  name            dgl-3  conf/config.yaml:6
  epochs          10     schema default
  optim.lr        0.1    conf/optim/sgd.yaml:1
  optim.momentum  0.9    conf/optim/sgd.yaml:2
  loss.type       dgl    conf/loss/dgl.yaml:1
  loss.weight     1      conf/loss/dgl.yaml:2
`);
  });

  it('list groups, keys with docs, and the forms of overrides', () => {
    const page = renderHelp(load(), { command: 'train', description: 'Trains.' });
    expect(page).toContain('Usage: train [override ...]\n\nTrains.\n');
    expect(page).toContain('  loss=   *dgl  infopro\n  optim=  adam  *sgd\n');
    expect(page).toContain('  epochs=10           Passes over the data. (a whole number, 1 or more)\n');
    expect(page).toContain('  ~key ');
  });
});

describe('any overrides', () => {
  it('compose, or are refused with a ManError', () => {
    const rng = createRng(9);
    const keys = ['seed', 'name', 'optim', 'optim.lr', 'loss', 'loss.weight', 'nope', 'optim.lr.x', 'run', 'epochs'];
    const values = [
      '1',
      'sgd',
      'adam',
      'null',
      '[1,2]',
      '{lr: 2}',
      '${seed}',
      '${optim}',
      '${name}-${optim.lr}',
      "'x'",
      'nan',
      '${loss.type',
      '${}',
      '${env:X,3}',
      '${now:%Y}',
      '',
    ];
    const forms = ['K=V', '+K=V', '++K=V', '~K', '~K=V', 'K+=V', 'K=V', 'K=V'];
    const pick = (list: readonly string[]) => list[rng.integer(list.length)] as string;
    let composed = 0;
    for (let i = 0; i < 800; i++) {
      const overrides = Array.from({ length: 1 + rng.integer(3) }, () =>
        pick(forms)
          .replace('K', pick(keys))
          .replace('V', () => pick(values)),
      );
      try {
        load(overrides);
        composed++;
      } catch (error) {
        if (!isManError(error)) throw new Error(`${overrides.join(' ')} threw ${(error as Error).stack}`);
      }
    }
    expect(composed).toBeGreaterThan(15);
  });
});
