import { defineSchema, isManError, positiveInt } from '@man/base';
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

describe('rules', () => {
  const schema = defineSchema({
    units: { default: 16, format: positiveInt },
    blocks: { default: 4, format: positiveInt },
    seed: { default: 1, format: positiveInt },
  });
  const options = (overrides: string[]) => ({
    source: memorySource({ 'config.yaml': 'units: 16\nblocks: 4' }),
    schema,
    overrides,
    refine: [
      ({ units, blocks }: { units: number; blocks: number }) =>
        blocks > units ? [{ key: 'blocks', message: `expected at most ${units} blocks, got ${blocks}`, fix: `blocks=${units}` }] : [],
      ({ seed }: { seed: number }) => (seed % 2 === 0 ? [{ key: 'seed', message: 'expected an odd number' }] : []),
    ],
  });
  it('are judged with the origin of their key', () => {
    expect(compose(options([])).config.blocks).toBe(4);
    expect(problems(() => compose(options(['units=2', 'seed=2'])))).toMatchObject([
      {
        kind: 'rule',
        key: 'blocks',
        message: 'expected at most 2 blocks, got 4',
        fix: 'blocks=2',
        origin: { file: 'conf/config.yaml', line: 2 },
      },
      { kind: 'rule', key: 'seed', origin: { text: 'seed=2' } },
    ]);
  });
  it('are left out when they read a bad key, and only then', () => {
    expect(problems(() => compose(options(['units=x', 'blocks=99', 'seed=2'])))).toMatchObject([
      { kind: 'wrong-value', key: 'units' },
      { kind: 'rule', key: 'seed' },
    ]);
  });
  it('that throw show their own fault', () => {
    const refine = () => {
      throw new RangeError('mine');
    };
    expect(() => compose({ ...options([]), refine })).toThrow(new RangeError('mine'));
  });
});
