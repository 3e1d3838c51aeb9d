import { createRng } from '@man/base';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PartitionOptions } from './contracts.ts';
import { cutIntoBlocks } from './partition.ts';
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

  it('refuses what cannot be cut, with names and what to do', () => {
    expect(codeOf({})).toBe('MAN_CORE_PARTITION');
    expect(codeOf({ blocks: 2, cuts: ['a'] })).toBe('MAN_CORE_PARTITION');
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
