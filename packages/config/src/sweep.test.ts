import { isManError } from '@man/base';
import { describe, expect, it } from 'vitest';
import { gridJobs, readSweep, sweepJob } from './sweep.ts';
import { gridSweeper, randomSweeper } from './sweeper.ts';

const groups = new Map([['loss', ['dgl', 'e2e', 'infopro', 'infopro-release']]]);
const read = (...texts: string[]) => readSweep(texts, { groups, readText: () => '# a study\nseed=1,2 # twice\nepochs=3\n' });
const values = (text: string) => {
  const [axis] = read(text).axes;
  return axis?.values.kind === 'choice' ? axis.values.texts : axis?.values;
};

describe('values of a sweep', () => {
  it.each([
    ['seed=1,2,3', ['1', '2', '3']],
    ["name='a,b', c", ["'a,b'", 'c']],
    ['list=[1,2],[3]', ['[1,2]', '[3]']],
    ['map={a: 1, b: 2},{a: 3}', ['{a: 1, b: 2}', '{a: 3}']],
    ['x=${env:A,1},${b}', ['${env:A,1}', '${b}']],
    ['loss=choice(dgl, infopro)', ['dgl', 'infopro']],
    ['+loss=dgl,infopro', ['dgl', 'infopro']],
    ['n=range(3)', ['0', '1', '2']],
    ['n=range(2,9,3)', ['2', '5', '8']],
    ['n=range(3,0,-1)', ['3', '2', '1']],
    ['lr=range(0.1,0.5,0.1)', ['0.1', '0.2', '0.3', '0.4']],
    ['loss=glob(*)', ['dgl', 'e2e', 'infopro', 'infopro-release']],
    ['loss=glob(dgl,infopro*,exclude=*-release)', ['dgl', 'infopro']],
    ['loss=glob(?2e)', ['e2e']],
    ['lr=interval(1e-4,1,log)', { kind: 'interval', low: 1e-4, high: 1, scale: 'log' }],
    ['n=interval(1,9,int)', { kind: 'interval', low: 1, high: 9, scale: 'int' }],
  ])('%s', (text, expected) => {
    expect(values(text)).toEqual(expected);
  });

  it.each(['seed=1', "name='a,b'", 'list=[1,2]', "name='f(x)'", '~loss', 'list+=[1,2]', 'x=${env:A,1}', 'x='])(
    '%s does not vary',
    (text) => {
      expect(read(text)).toEqual({ axes: [], order: [text] });
    },
  );

  it.each([
    ['seed=1,,2', 'a value is missing'],
    ['seed=1,2,1', 'comes twice'],
    ['seed=choice()', 'nothing to choose'],
    ['n=range(1,1)', 'no number lies between'],
    ['n=range(0,1,0)', 'no number lies between'],
    ['n=range(a)', 'expected a number, got "a"'],
    ['n=range(1,2,3,4)', '1 to 3 numbers'],
    ['lr=interval(1)', 'two ends'],
    ['lr=interval(2,1)', 'lower end first'],
    ['lr=interval(0,1,log)', 'above 0'],
    ['lr=interval(0,0.5,int)', 'whole numbers'],
    ['lr=interval(0,1,exp)', 'no scale "exp"'],
    ['seed=glob(*)', 'this key is none'],
    ['loss=glob()', 'expected a pattern'],
    ['loss=glob(x*)', 'options are: dgl, e2e'],
    ['n=rnge(3)', 'no function "rnge"'],
    ['n=shuffle(1,2)', 'there are: choice, range'],
    ["name='a,b", 'not closed'],
    ['name=a,b"c', 'cannot be read'],
  ])('%s is refused: %s', (text, message) => {
    let error: unknown;
    try {
      read(text);
    } catch (caught) {
      error = caught;
    }
    expect(isManError(error)).toBe(true);
    expect((error as Error).message).toContain(message);
  });

  it('reads files, refuses a key varied twice and sweeps without bound', () => {
    expect(read('@study.txt', 'loss=dgl,e2e').order).toEqual([0, 'epochs=3', 1]);
    expect(() => read('seed=1,2', '+seed=3,4')).toThrow('varied twice');
    expect(() => read('n=range(1e9)')).toThrow('the limit is 10000');
    expect(() => gridJobs(read('a=range(1000)', 'b=range(1000)'))).toThrow('the limit is 10000');
    expect(values(`loss=glob(${'*'.repeat(5000)}infopro)`)).toEqual(['infopro']);
  });
});

describe('sweepers', () => {
  it('the grid takes every combination once, the last axis fastest, in the order typed', () => {
    const sweep = read('seed=1,2', 'epochs=3', 'loss=dgl,e2e');
    const jobs = gridSweeper().propose(sweep, []) as ReturnType<typeof gridJobs>;
    expect(jobs.map(({ overrides }) => overrides.join(' '))).toEqual([
      'seed=1 epochs=3 loss=dgl',
      'seed=1 epochs=3 loss=e2e',
      'seed=2 epochs=3 loss=dgl',
      'seed=2 epochs=3 loss=e2e',
    ]);
    expect(jobs[3]?.varied).toEqual(['seed=2', 'loss=e2e']);
    expect(gridSweeper().propose(sweep, [{ ...sweepJob(sweep, ['1', 'dgl']), value: 1 }])).toEqual([]);
    expect(() => gridJobs(read('lr=interval(0,1)'))).toThrow('one by one');
  });

  it('random draws stay when trials or axes are added, and lie in their intervals', () => {
    const lr = (texts: string[], trials: number) =>
      (randomSweeper({ trials, seed: 3 }).propose(read(...texts), []) as ReturnType<typeof gridJobs>).map(({ varied }) =>
        Number(varied[0]?.split('=')[1]),
      );
    const few = lr(['lr=interval(1e-4,1,log)'], 5);
    expect(lr(['lr=interval(1e-4,1,log)', 'n=interval(1,3,int)'], 200).slice(0, 5)).toEqual(few);
    const many = lr(['lr=interval(1e-4,1,log)'], 400);
    expect(Math.min(...many)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...many)).toBeLessThanOrEqual(1);
    // Half of a logarithmic scale lies below its geometric middle.
    expect(many.filter((value) => value < 1e-2).length / 400).toBeCloseTo(0.5, 1);
    const whole = lr(['n=interval(1,3,int)', 'x=interval(0,1)'], 300);
    for (const n of [1, 2, 3]) expect(whole.filter((value) => value === n).length / 300).toBeCloseTo(1 / 3, 1);
  });

  it('random never runs the same twice, and ends when all have come', () => {
    const jobs = randomSweeper({ trials: 50 }).propose(read('seed=1,2,3', 'loss=dgl,e2e'), []) as ReturnType<typeof gridJobs>;
    expect(new Set(jobs.map(({ varied }) => varied.join())).size).toBe(6);
    expect(jobs).toHaveLength(6);
    expect(() => randomSweeper({ trials: 0 })).toThrow('1 trial or more');
  });
});
