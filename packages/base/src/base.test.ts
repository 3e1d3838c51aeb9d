import { describe, expect, it } from 'vitest';
import { createRng, isManError, ManError, nearest, restoreRng } from './index.ts';

describe('ManError', () => {
  it('carries code, hint and cause, and prints them', () => {
    const cause = new Error('below');
    const error = new ManError('expected 2, got 1', { code: 'MAN_TEST', hint: 'give 2', cause });
    expect(error).toMatchObject({ name: 'ManError', code: 'MAN_TEST', hint: 'give 2', cause });
    expect(error.describe()).toBe('expected 2, got 1\n  → give 2\n  [MAN_TEST]');
    expect(new ManError('bare', { code: 'MAN_TEST' }).describe()).toBe('bare\n  [MAN_TEST]');
    expect([isManError(error), isManError(error, 'MAN_TEST'), isManError(error, 'MAN_OTHER'), isManError(cause)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('nearest', () => {
  it('finds what was probably meant', () => {
    expect(nearest('infopor', ['dgl', 'infopro', 'predsim'])).toEqual(['infopro']);
    expect(nearest('epochs', ['train.epochs', 'seed'])).toEqual(['train.epochs']);
    expect(nearest('xyz', ['dgl', 'infopro'])).toEqual([]);
  });
});

describe('Rng', () => {
  // Frozen: runs must give the same numbers after every upgrade.
  it('draws the same numbers for ever', () => {
    const rng = createRng(7);
    expect([rng.next(), rng.next()].map((value) => value.toFixed(6))).toEqual(GOLDEN.next);
    expect([...createRng('seven').permutation(8)]).toEqual(GOLDEN.permutation);
    expect([...createRng(7).split('a').split('b').normal(new Float32Array(3))].map((value) => value.toFixed(5))).toEqual(GOLDEN.normal);
  });

  it('splits by label, whatever was drawn before', () => {
    const [fresh, used] = [createRng(1), createRng(1)];
    used.uniform(new Float32Array(100));
    expect(used.split('x').next()).toBe(fresh.split('x').next());
    const firsts = ['', 'x', 'y', 'xy', 'yx', 'x1', '1x'].map((label) => createRng(1).split(label).next());
    expect(new Set(firsts).size).toBe(firsts.length);
    expect(createRng(0).next()).not.toBe(createRng(1).next());
  });

  it('goes on from its state', () => {
    const rng = createRng(3);
    rng.next();
    const state = JSON.parse(JSON.stringify(rng.state()));
    const copy = restoreRng(state);
    expect([copy.next(), copy.next(), copy.split('a').next()]).toEqual([rng.next(), rng.next(), rng.split('a').next()]);
  });

  it('is uniform, normal and fair', () => {
    const rng = createRng(11);
    const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const uniform = rng.uniform(new Float32Array(100_000), -1, 3);
    expect(mean(uniform)).toBeCloseTo(1, 1);
    expect(Math.min(...uniform.subarray(0, 1000))).toBeGreaterThanOrEqual(-1);
    const normal = rng.normal(new Float32Array(100_000), 2, 3);
    expect(mean(normal)).toBeCloseTo(2, 1);
    expect(Math.sqrt(mean(normal.map((value) => (value - 2) ** 2)))).toBeCloseTo(3, 1);
    const counts = new Uint32Array(6);
    for (let i = 0; i < 60_000; i++) counts[rng.integer(6)]!++;
    // Chi-squared with 5 degrees of freedom: 99.9 % of fair dice stay below 20.5.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(20.5);
    expect([...rng.permutation(100)].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
  });
});

const GOLDEN = { next: ['0.988774', '0.587316'], permutation: [4, 1, 5, 3, 2, 7, 6, 0], normal: ['-0.84143', '0.11264', '1.30578'] };
