import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRuns } from '../find-runs.ts';
import type { RunResult } from '../result.ts';
import { exampleResult } from '../testing.ts';
import { resultsPage } from './results-page.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (file: string, text: string) => {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
};

/** A run of the profile `quick`, with a test error in percent. */
function run(place: string, seed: number, error: number, changes: Partial<RunResult> = {}): void {
  const { final } = exampleResult();
  const budget = { trainPictures: 2000, plannedEpochs: 3, batch: 32 };
  const result = exampleResult({ seed, ...budget, final: { ...final, testError: error / 100, bestTestError: error / 100 }, ...changes });
  put(`${place}/seed-${seed}/summary.json`, JSON.stringify(result));
}

const page = async () => resultsPage(await findRuns([folder]), { folders: [folder], title: 'Results', beside: dirname(folder) });
const [DGL, MAN] = ['table-1/quick/cifar10-resnet32-k16-dgl', 'table-1/quick/cifar10-resnet32-k16-dgl-man'];

describe('resultsPage', () => {
  it('puts what was trained beside the paper’s numbers, and says how to do it again', async () => {
    run('table-1/quick/cifar10-resnet32-e2e', 1, 40);
    for (const [seed, error] of [70, 72].entries()) run(DGL, seed + 1, error);
    for (const [seed, error] of [60, 61].entries()) run(MAN, seed + 1, error);
    run('table-5/quick/cifar10-resnet32-k16-dgl-weights', 1, 66);
    run('figure-5/quick/cifar10-resnet32-k16-dgl-bias', 1, 65);
    run('day/mine', 1, 50);
    put('figure-7/quick/figure.svg', '<svg/>');
    put('figure-7/quick/figure.csv', 'method,seed,layer,unit,CKA\nDGL,1,1,stem,0.5\nDGL,1,2,stage1.unit0,0.3\nDGL + MAN,1,1,stem,0.9\n');
    const { markdown, tables } = await page();
    expect(tables.map(({ title }) => title)).toEqual(['Table 1', 'Table 5(a)', 'Not in the paper’s tables']);
    const [first] = tables;
    // Of the paper: 14.08, and 9.11 with MAN.
    expect(first?.rows[2]).toEqual([
      '2,000 pictures × 3 epochs',
      'CIFAR-10, ResNet-32',
      '16',
      'DGL + MAN',
      '2',
      '60.50 ± 0.71',
      '60.50 ± 0.71',
      '−10.50',
      '9.11',
      '−4.97',
      '30.0 s',
      '200 MB',
    ]);
    expect(markdown).toContain("man-reproduce table 1 --profile quick --seeds 2 --rows 'cifar10 resnet32 k16 dgl'");
    expect(markdown).toContain(`(${folder.split('/').at(-1)}/figure-7/quick/figure.svg)`);
    expect(markdown).toContain('end to end is ahead of local losses alone by 31.00 (paper 7.71)');
    expect(markdown).toContain('- Figure 7, CKA, mean over layers: DGL 0.40, DGL + MAN 0.90.');
    expect(markdown).not.toContain('mine');
  });

  it.each([
    // By scipy.stats.t: 4.81 and 24.05 for two seeds each, and 12 seeds for the paper's 4.97.
    [[70, 72], [60, 61], 'chance between seeds ±4.81. It shows, and goes the paper’s way.'],
    [[60, 61], [70, 72], 'It shows, and goes against the paper’s.'],
    [[70, 72], [70, 71], 'It does not show: one as large as the paper’s would, so it is smaller'],
    [[70, 80], [70, 75], '±24.05. It does not show, nor would one as large as the paper’s with less than 12 seeds.'],
    [[70], [60], 'one seed, which says nothing of chance.'],
  ])('judges %j against %j', async (plain, man, verdict) => {
    for (const [seed, error] of plain.entries()) run(DGL, seed + 1, error);
    for (const [seed, error] of man.entries()) run(MAN, seed + 1, error);
    expect((await page()).findings[0]).toContain(verdict);
  });

  it('says whether runs that were made again came out the same', async () => {
    run(DGL, 1, 70);
    run(`zz/${basename(DGL)}`, 1, 70, { seconds: 99 });
    expect((await page()).markdown).toContain('1 run was made twice (cifar10-resnet32-k16-dgl, seed 1): all with the same losses');
    run(MAN, 1, 70);
    run(`zz/${basename(MAN)}`, 1, 71);
    expect((await page()).markdown).toMatch(/2 runs were made twice .*: 1 with the same losses/);
  });

  it('wants finished runs of the paper’s cells, of one budget', async () => {
    run('day/mine', 1, 50);
    run(DGL, 1, 50, { interrupted: true });
    run(DGL, 2, 50, { dataset: 'shapes' });
    await expect(page()).rejects.toMatchObject({ code: 'MAN_REPRODUCE_NO_RUNS' });
    run(MAN, 1, 50);
    run('table-1/paper/cifar10-resnet32-k16-dgl-man', 1, 9, { trainPictures: 50_000, plannedEpochs: 400 });
    await expect(page()).rejects.toMatchObject({ code: 'MAN_REPRODUCE_OPTION' });
  });
});
