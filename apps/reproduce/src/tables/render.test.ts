import { describe, expect, it } from 'vitest';
import { exampleResult } from '../testing.ts';
import { type Job, jobsOf } from './job.ts';
import { cellsOf } from './layout.ts';
import { type Measured, spreadOf } from './measured.ts';
import { layoutOf } from './paper-tables.ts';
import { asText, cellTable, layoutTable } from './render.ts';

const layout = layoutOf('1');
const cells = cellsOf(layout);
const options = { out: '/runs', profile: 'paper', seeds: 2, overrides: [] } as const;

/** Test errors in percent by seed, and by cell. */
function measured(errors: Readonly<Record<string, readonly number[]>>): ReadonlyMap<string, Measured> {
  const jobs = jobsOf(cells, options);
  return new Map(
    cells.map(({ id }) => {
      const own: Job[] = jobs.filter(({ cell }) => cell.id === id);
      const { final } = exampleResult();
      const runs = (errors[id] ?? []).map((error, i) => {
        const result = exampleResult({
          plannedEpochs: 400,
          trainPictures: 50_000,
          final: { ...final, testError: error / 100, bestTestError: 0.08 },
        });
        return [i + 1, result] as const;
      });
      return [id, { jobs: own, runs: new Map(runs), begun: 0, problem: null }];
    }),
  );
}

const byCell = measured({ 'cifar10-resnet32-k16-dgl': [14, 15], 'cifar10-resnet32-k16-dgl-man': [9] });
const [part] = layout.parts;
if (part === undefined) throw new Error('a part expected');

describe('layoutTable', () => {
  const { columns, rows } = layoutTable(part, byCell);
  const cellsIn = (method: string) => rows.find((row) => row[1] === 'CIFAR-10' && row[2] === method);

  it('puts our number beside the paper’s, each with the change that MAN brings', () => {
    expect(columns.slice(0, 7)).toEqual([
      'budget',
      'data set',
      'method',
      'ResNet-32, K=8: ours',
      'paper',
      'ResNet-32, K=16: ours',
      'paper',
    ]);
    expect(cellsIn('DGL')?.slice(5, 7)).toEqual(['14.50 ± 0.71', '14.08']);
    // Of the seed that both have: 9 − 14.
    expect(cellsIn('DGL + MAN')?.slice(5, 7)).toEqual(['9.00 (−5.00)', '9.11 (−4.97)']);
  });

  it('leaves what was not trained empty', () => {
    expect(cellsIn('InfoPro')?.slice(3)).toEqual([null, '11.51', null, '12.93', null, '12.26', null, '13.22']);
    const line = asText({ title: '', caption: '', columns, rows }, 'markdown').split('\n')[7];
    expect(line).toMatch(/^\| 50,000 pictures × 400 epochs +\| CIFAR-10 +\| InfoPro +\| +\| +11\.51 \| /);
  });
});

describe('cellTable', () => {
  it('tells last and best epoch, seeds, time, memory and state', () => {
    const entries = part.rows.flatMap(({ entries: all }) => all.filter((entry) => entry?.cell.id.startsWith('cifar10-resnet32-k16-dgl')));
    const { rows } = cellTable(
      entries.filter((entry) => entry !== null),
      byCell,
    );
    expect(rows).toEqual([
      [
        '50,000 pictures × 400 epochs',
        'CIFAR-10, ResNet-32',
        '16',
        'DGL',
        '14.50 ± 0.71',
        '8.00 ± 0.00',
        '14.08',
        '2 of 2',
        '30.0 s',
        '200 MB',
        'done',
      ],
      [
        '50,000 pictures × 400 epochs',
        'CIFAR-10, ResNet-32',
        '16',
        'DGL + MAN',
        '9.00',
        '8.00',
        '9.11',
        '1 of 2',
        '30.0 s',
        '200 MB',
        'not complete',
      ],
    ]);
  });
});

describe('spreadOf', () => {
  it('is the mean and the sample standard deviation', () => {
    expect(spreadOf([])).toBeNull();
    expect(spreadOf([3])).toEqual({ mean: 3, deviation: null, count: 1 });
    expect(spreadOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7), count: 8 });
  });
});
