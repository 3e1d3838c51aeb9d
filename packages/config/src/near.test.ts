import { describe, expect, it } from 'vitest';
import { near } from './near.ts';

describe('near', () => {
  it.each<[string, string[], string[]]>([
    ['optim.lrr', ['optim.lr', 'optim.wd'], ['optim.lr']],
    ['open.z', ['open.x', 'open', 'open.y'], []],
    ['c', ['a', 'b'], []],
    ['lr', ['optim.lr'], ['optim.lr']],
    ['infopor', ['infopro', 'dgl'], ['infopro']],
    ['mode', ['node', 'seed'], ['node']],
    ['datset', ['dataset'], ['dataset']],
  ])('%s among %j', (word, candidates, found) => {
    expect(near(word, candidates)).toEqual(found);
  });
});
