// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations are what is tested
import { describe, expect, it } from 'vitest';
import { escapeInterpolations, readInterpolations } from './interpolation.ts';
import { readYaml } from './read-yaml.ts';
import { resolveTree, runTree } from './resolve.ts';
import { toValue } from './tree.ts';

const around = {
  env: { HOME: '/users/me', EPOCHS: '12', QUOTED: "'12'", FLAG: 'true', ODD: '[a, b', EMPTY: '' },
  now: new Date(2024, 1, 29, 7, 5, 9, 42),
  run: runTree({ id: 'r1', place: { dir: 'out/r1' }, number: 3 }),
};
const resolve = (text: string) => {
  const { tree, problems } = resolveTree(readYaml('conf/x.yaml', text).tree, around);
  return { values: toValue(tree) as Record<string, unknown>, problems };
};
const resolveX = (text: string, rest = '') => resolve(`x: ${JSON.stringify(text)}\n${rest}`);

describe('interpolation', () => {
  const rest = 'a: {b: 2, t: two, list: [1, {k: v}], n: null, f: true}\nref: ${a}\n';
  it.each<[string, unknown]>([
    ['${a.b}', 2],
    ['${ a.b }', 2],
    ['v${a.b}', 'v2'],
    ['${a.b}${a.t}', '2two'],
    ['${a.n}', null],
    ['${a.n}-${a.f}', 'null-true'],
    ['${a.list}', [1, { k: 'v' }]],
    ['${a.list.1.k}', 'v'],
    ['${a.list[1].k}', 'v'],
    ['${ref.list.0}', 1],
    ['${env:HOME}', '/users/me'],
    ['${env:HOME}/data', '/users/me/data'],
    ['${oc.env:HOME}', '/users/me'],
    ['${env:NOPE,fallback}', 'fallback'],
    ['${env:NOPE,3}', 3],
    ['${env:NOPE,}', ''],
    ['${env:EMPTY,x}', ''],
    ['${env:EPOCHS}', 12],
    ['${env:QUOTED}', '12'],
    ['${env:FLAG}', true],
    ['${env:ODD}', '[a, b'],
    ['${now:%Y-%m-%d}', '2024-02-29'],
    ['${now:%Y-%m-%d/%H-%M-%S}', '2024-02-29/07-05-09'],
    ['${now:%y %j %f %% %F %T}', '24 060 042000 % 2024-02-29 07:05:09'],
    ['${run.id}', 'r1'],
    ['${run.place.dir}/log', 'out/r1/log'],
    ['${run.number}', 3],
    ['\\${a.b}', '${a.b}'],
    ['\\\\${a.b}', '\\2'],
    ['\\\\\\${a.b}', '\\${a.b}'],
    ['a\\b $5 {c}', 'a\\b $5 {c}'],
  ])('%s', (text, expected) => {
    const { values, problems } = resolveX(text, rest);
    expect(problems).toEqual([]);
    expect(values.x).toStrictEqual(expected);
  });

  it('follows references in any order, and through sections that are references', () => {
    const { values } = resolve('x: ${y.z}\ny: ${w}\nw: {z: "${v}!", u: 1}\nv: deep\n');
    expect(values).toEqual({ x: 'deep!', y: { z: 'deep!', u: 1 }, w: { z: 'deep!', u: 1 }, v: 'deep' });
  });

  it.each<[string, string, string]>([
    ['x: ${x}', 'x', 'interpolations lead in a circle: x → x'],
    ['x: ${y}\ny: a${z}\nz: ${x}', 'x', 'interpolations lead in a circle: x → y → z → x'],
    ['x: {y: "${x}"}', 'x.y', 'interpolations lead in a circle: x.y → x'],
    ['x: ${w}\nw: {z: "${x.z}"}', 'x', 'interpolations lead in a circle'],
    ['x: ${nope.at.all}', 'x', '${nope.at.all}: there is no key "nope.at.all"'],
    ['x: ${env:NOPE}', 'x', 'the environment variable NOPE is not set'],
    ['x: ${env:toString}', 'x', 'the environment variable toString is not set'],
    ['x: ${now:%Q}', 'x', 'unknown directive "%Q"; known are %Y'],
    ['x: ${a', 'x', '"${a" is not closed'],
    ['x: ${a${b}}', 'x', 'holds another interpolation'],
    ['x: ${oc.select:a}', 'x', 'is of unknown kind "oc.select"'],
    ['x: ${.y}', 'x', 'keys are written from the top'],
    ['x: ${}', 'x', '"${}" is not a key'],
    ['x: ${env:}', 'x', 'names no variable'],
    ['x: n${y}\ny: {a: 1}', 'x', '${y} is a map and cannot stand inside a text'],
    ['x: ${run.id}\nrun: {id: 1}', 'x', '${run.id} is both a key and given by the program'],
    ['x: [1, "${nope}"]', 'x', 'there is no key "nope"'],
    ['x: ${__proto__.polluted}', 'x', 'there is no key'],
    ['x: ${constructor}', 'x', 'there is no key'],
  ])('%j is refused', (text, key, message) => {
    const { problems } = resolve(text);
    const problem = problems.find((one) => one.key === key);
    expect(problem?.message).toContain(message);
    expect(problem?.origin).toMatchObject({ file: 'conf/x.yaml', line: 1 });
  });

  it('names what may have been meant, and what to type', () => {
    expect(resolve('x: run-${optm.lr}\noptim: {lr: 1}').problems).toMatchObject([{ near: ['optim.lr'], fix: "x='run-${optim.lr}'" }]);
    expect(resolve('x: ${env:HOMEE}').problems).toMatchObject([{ near: ['HOME'] }]);
    expect(resolve('x: ${run.ids}').problems).toMatchObject([{ near: ['run.id'] }]);
  });

  it('reports every problem', () => {
    expect(resolve('x: ${p}\ny: {z: "${q}"}\nok: 1')).toMatchObject({ values: { y: {}, ok: 1 }, problems: [{ key: 'x' }, { key: 'y.z' }] });
  });

  it.each<[string, string]>([
    [
      'texts that double',
      Array.from({ length: 30 }, (_, i) => `k${i}: \${k${i + 1}}\${k${i + 1}}`)
        .join('\n')
        .concat('\nk30: x'),
    ],
    [
      'maps that double',
      Array.from({ length: 30 }, (_, i) => `k${i}: {a: "\${k${i + 1}}", b: "\${k${i + 1}}"}`)
        .join('\n')
        .concat('\nk30: x'),
    ],
    ['long texts', `a: ${'x'.repeat(100_000)}\nb: \${a}\${a}\${a}`],
  ])('bounds %s', (_, text) => {
    expect(() => resolve(text)).toThrow(expect.objectContaining({ code: 'MAN_CONFIG_TOO_BIG' }));
  });

  it('stays quick when nothing can be resolved', () => {
    const text = Array.from({ length: 1500 }, (_, i) => `key${i}: \${missing${i}}`).join('\n');
    const start = performance.now();
    expect(resolve(text).problems).toHaveLength(1500);
    expect(resolve(`x: \${${'y'.repeat(200_000)}}`).problems[0]?.message.length).toBeLessThan(300);
    expect(performance.now() - start).toBeLessThan(4000);
  });

  it('bounds long chains', () => {
    const chain = (n: number) =>
      resolve(
        Array.from({ length: n }, (_, i) => `k${i}: \${k${i + 1}}`)
          .join('\n')
          .concat(`\nk${n}: 1`),
      );
    expect(chain(30).problems).toEqual([]);
    expect(chain(300).problems[0]?.message).toContain('more than 32 interpolations lead to each other: k0 → k1 → k2 → …');
    expect(() => chain(5000)).toThrow(expect.objectContaining({ code: 'MAN_CONFIG_TOO_BIG' }));
  });
});

describe('escaping', () => {
  it.each(['', '${a}', '\\${a}', '\\\\${a}', 'x\\y', '$', '${', '\\', 'a${b}\\\\\\${c}$'])('%j is read back as itself', (text) => {
    const pieces = readInterpolations(escapeInterpolations(text));
    if ('mistake' in pieces) throw new Error(pieces.mistake);
    expect(pieces.map((piece) => ('literal' in piece ? piece.literal : 'REFERENCE')).join('')).toBe(text);
  });
});
