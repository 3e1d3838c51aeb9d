import { createRng } from '@man/base';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CutSite, PartitionOptions } from './contracts.ts';
import { cutIntoBlocks, type Objection } from './partition.ts';
import { denseBackbone } from './testing.ts';

const backbone = denseBackbone();
let network: ReturnType<typeof backbone.build>;
beforeAll(() => {
  network = backbone.build(createRng(1));
});

const unitsOf = (options: PartitionOptions) =>
  cutIntoBlocks(backbone, network, options).map(({ units }) => units.map(({ name }) => name).join(''));
const codeOf = (options: PartitionOptions, of = network) => {
  try {
    cutIntoBlocks(backbone, of, options);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

describe('cutIntoBlocks', () => {
  it('cuts by published number of blocks, by names, and not at all', () => {
    expect(unitsOf({ blocks: 1 })).toEqual(['abcd']);
    expect(unitsOf({ blocks: 2 })).toEqual(['ab', 'cd']);
    expect(unitsOf({ cuts: ['a', 'c'] })).toEqual(['a', 'bc', 'd']);
    expect(unitsOf({ cuts: [] })).toEqual(['abcd']);
  });

  it('leaves the stem a block of its own, or merges it with the next', () => {
    expect(unitsOf({ blocks: 4 })).toEqual(['a', 'b', 'c', 'd']);
    expect(unitsOf({ blocks: 4, stem: 'merge' })).toEqual(['ab', 'c', 'd']);
    expect(unitsOf({ blocks: 2, stem: 'merge' })).toEqual(['ab', 'cd']);
  });

  it('states block indices and output shapes', () => {
    expect(cutIntoBlocks(backbone, network, { blocks: 2 })).toMatchObject([
      { index: 0, outputShape: [6] },
      { index: 1, outputShape: [6] },
    ]);
  });

  it('takes the cuts of others by name, and the default ones where those have none', () => {
    const other = { ...backbone, splits: { theirs: { 2: ['c'] } } };
    const sizes = (options: PartitionOptions) => cutIntoBlocks(other, network, options).map(({ units }) => units.length);
    expect(sizes({ blocks: 2, split: 'theirs' })).toEqual([3, 1]);
    expect(sizes({ blocks: 4, split: 'theirs' })).toEqual([1, 1, 1, 1]);
    expect(sizes({ blocks: 2 })).toEqual([2, 2]);
    expect(() => cutIntoBlocks(other, network, { blocks: 2, split: 'ours' })).toThrow(/'theirs'; got 'ours'/);
    expect(codeOf({ blocks: 2, split: 'theirs' })).toBe('MAN_CORE_PARTITION_UNKNOWN');
  });

  it('cuts evenly: the dearest block as cheap as any cut can make it', () => {
    // 30, 36, 36 and 36 + 18 multiplications; three times 6 values, then 6 + 3.
    expect(unitsOf({ blocks: 2, balanced: 'compute' })).toEqual(['ab', 'cd']);
    expect(unitsOf({ blocks: 4, balanced: 'memory' })).toEqual(['a', 'b', 'c', 'd']);
    expect(unitsOf({ blocks: 1, balanced: 'memory' })).toEqual(['abcd']);
    expect(codeOf({ blocks: 5, balanced: 'memory' })).toBe('MAN_CORE_OPTION');
    expect(codeOf({ blocks: 2, balanced: 'size' as 'memory' })).toBe('MAN_CORE_OPTION');
  });

  it.each([2, 3, 4, 5])('cuts %i blocks no worse than any other cut', (blocks) => {
    const costs = [7, 1, 3, 9, 2, 2, 8, 4];
    const chain = costs.map((cost, i) => ({ ...network.units[1]!, name: `u${i}`, activations: () => cost }));
    const wide = {
      units: chain as unknown as typeof network.units,
      classifier: { ...network.classifier, inputShape: [6], activations: () => 1 },
    };
    const dearest = (ends: readonly number[]) => {
      const all = [...ends, 7];
      const own = all.map((end, i) => costs.slice((all[i - 1] ?? -1) + 1, end + 1).reduce((a, b) => a + b));
      return Math.max(...own.map((cost, i) => cost + (all[i] === 7 ? 1 : 0)));
    };
    const combinations = (from: number, count: number): number[][] =>
      count === 0
        ? [[]]
        : Array.from({ length: 7 - from }, (_, i) => from + i).flatMap((end) =>
            combinations(end + 1, count - 1).map((rest) => [end, ...rest]),
          );
    const cut = cutIntoBlocks(backbone, wide, { blocks, balanced: 'memory' });
    const ends = cut.slice(0, -1).map(({ units }) => Number(units.at(-1)!.name.slice(1)));
    expect(ends.length).toBe(blocks - 1);
    expect(dearest(ends)).toBe(Math.min(...combinations(0, blocks - 1).map(dearest)));
  });

  it('keeps an even cut to the places a method can use, and says for others which are nearest', () => {
    const only =
      (...names: string[]) =>
      (site: CutSite) =>
        names.includes(site.last.name) ? null : `it wants ${names.join(' or ')}`;
    const cut = (options: PartitionOptions, objection: Objection) => cutIntoBlocks(backbone, network, options, objection);
    expect(cut({ blocks: 2, balanced: 'compute' }, only('c')).map(({ units }) => units.length)).toEqual([3, 1]);
    expect(() => cut({ blocks: 3, balanced: 'compute' }, only('c'))).toThrow(expect.objectContaining({ code: 'MAN_CORE_CUT_UNUSABLE' }));
    expect(() => cut({ cuts: ['b'] }, only('a', 'c'))).toThrow(
      expect.objectContaining({
        code: 'MAN_CORE_CUT_UNUSABLE',
        hint: "the nearest possible cuts: 'a' and 'c'",
        message: expect.stringMatching(/'b': it wants a or c/),
      }),
    );
    expect(() => cut({ blocks: 2 }, only('a'))).toThrow(expect.objectContaining({ hint: "the nearest possible cuts: 'a'" }));
  });

  it('refuses what cannot be cut, with names and what to do', () => {
    expect(codeOf({})).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ blocks: 2, cuts: ['a'] })).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ cuts: ['a'], balanced: 'memory' })).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ cuts: ['a'], split: 'theirs' })).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ blocks: 2, split: 'theirs', balanced: 'memory' })).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ blocks: 2, balanced: 'memory', stem: 'merge' })).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ blocks: 3 })).toBe('MAN_CORE_PARTITION_UNKNOWN');
    expect(codeOf({ cuts: ['c', 'a'] })).toBe('MAN_CORE_CUT');
    expect(codeOf({ cuts: ['a', 'a'] })).toBe('MAN_CORE_CUT');
    expect(codeOf({ cuts: ['d'] })).toBe('MAN_CORE_CUT');
    expect(codeOf({ cuts: ['x'] })).toBe('MAN_CORE_CUT');
    const wrong = { ...network, classifier: { ...network.classifier, inputShape: [7] } };
    expect(codeOf({ blocks: 1 }, wrong)).toBe('MAN_CORE_SHAPE');
    expect(() => cutIntoBlocks(backbone, network, { blocks: 3 })).toThrow(/1, 2, 4.*got 3/);
  });
});
