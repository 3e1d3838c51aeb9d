import { describe, expect, it } from 'vitest';
import { near } from './near.ts';

describe('near', () => {
  it.each<[string, string[], string[]]>([
    ['optim.lrr', ['optim.lr', 'optim.wd'], ['optim.lr']],
    ['open.z', ['open.x', 'open', 'open.y'], []],
    ['c', ['a', 'b'], []],
    ['lr', ['optim.lr'], ['optim.lr']],
    ['MAN', ['none', 'man-release', 'man'], ['man']],
    ['gpu', ['cpu', 'auto'], []],
    ['dlg', ['dgl', 'e2e'], ['dgl']],
    ['batch', ['train.batch', 'test.batch'], ['train.batch', 'test.batch']],
    ['infopor', ['infopro', 'dgl'], ['infopro']],
    ['mode', ['node', 'seed'], ['node']],
    ['datset', ['dataset'], ['dataset']],
  ])('%s among %j', (word, candidates, found) => {
    expect(near(word, candidates)).toEqual(found);
  });

  it('does not compare texts that are no names', () => {
    expect(near('x'.repeat(250_000), [`${'x'.repeat(250_000)}y`])).toEqual([]);
    // Of the processor, not of the clock: others may be using the machine.
    const start = process.cpuUsage();
    expect(
      near(
        'abcdefghij',
        Array.from({ length: 100_000 }, (_, i) => `abcdefghi${i}`),
      ),
    ).toEqual([]);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(500);
  });
});
