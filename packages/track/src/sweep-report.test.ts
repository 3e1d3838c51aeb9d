import { describe, expect, it } from 'vitest';
import { dotChart } from './dot-chart.ts';
import { lineChart } from './line-chart.ts';
import { curveOf, groupTable, type RunGroup, spreadOf, spreadText } from './run-group.ts';
import { type RunSummary, summarise } from './run-summary.ts';
import { renderSweep } from './sweep-report.ts';
import { blocksOf, epochReport } from './test-reports.ts';

/** A run whose test error after each epoch is given, in percent. */
function run(name: string, errors: readonly number[]): RunSummary {
  const reports = errors.map((error, i) =>
    epochReport({
      epoch: i + 1,
      blocks: blocksOf([1 / (i + 1)]),
      evaluation: { examples: 100, top5Accuracy: 1, accuracy: 1 - error / 100, loss: 1, seconds: 1 },
      peakTensorBytes: 5e6,
    }),
  );
  return summarise(reports, { name });
}

const groups: readonly RunGroup[] = [
  { label: 'DGL', settings: { loss: 'dgl' }, runs: [run('0', [50, 30, 40]), run('1', [60, 34, 42])] },
  { label: '<b>', settings: { loss: '<b>' }, runs: [run('2', [20, 10, 12])] },
];

describe('spreadOf', () => {
  it('gives mean and sample standard deviation', () => {
    // By hand: deviations −2, 0, 2; their squares sum to 8; 8 / 2 = 4.
    expect(spreadOf([3, 5, null, 7])).toEqual({ count: 3, mean: 5, deviation: 2 });
    expect([spreadOf([4]), spreadOf([null])]).toEqual([{ count: 1, mean: 4, deviation: null }, null]);
  });

  it('is written with both, or the number alone', () => {
    const text = (value: number) => value.toFixed(1);
    expect([spreadText(spreadOf([1, 3]), text), spreadText(spreadOf([1]), text), spreadText(null, text)]).toEqual([
      '2.0 ± 1.4',
      '1.0',
      null,
    ]);
  });
});

describe('groups', () => {
  it('have a curve where all their runs were tested', () => {
    const short = { ...groups[0]!, runs: [run('0', [50, 30]), run('1', [60, 34, 42])] };
    const curve = curveOf(short, ({ testAccuracy }) => testAccuracy);
    expect(curve.map(({ epoch, spread }) => [epoch, spread.count, spread.mean.toFixed(2)])).toEqual([
      [1, 2, '0.45'],
      [2, 2, '0.68'],
    ]);
  });

  it('make a table of last and best epochs', () => {
    const [head, , first, second] = groupTable(groups).split('\n');
    expect(head).toMatch(/^loss +runs +test error %, last epoch +best epoch +peak tensors/);
    expect(first).toMatch(/^dgl +2 +41\.00 ± 1\.41 +32\.00 ± 2\.83 +5\.00 MB +/);
    expect(second).toMatch(/^<b> +1 +12\.00 +10\.00 +5\.00 MB/);
    expect(groupTable(groups, { format: 'markdown' })).toContain('| dgl ');
  });
});

describe('renderSweep', () => {
  it('is one page with table, dots and curves; the least error is marked, and nothing is HTML', async () => {
    const page = await renderSweep({ title: 'Losses', groups, summary: 'Two.', tables: [{ title: 'Runs', columns: ['n'], rows: [[0]] }] });
    expect(page).toContain('<td class="number">41.00 ± 1.41</td>');
    expect(page).toContain('<td class="number best">12.00</td>');
    expect(page.match(/<figure>/g)).toHaveLength(3);
    expect(page).not.toMatch(/<b>|<script|https?:\/\/(?!www\.w3\.org)/);
    expect(await renderSweep({ title: 'Losses', groups, summary: 'Two.', tables: [{ title: 'Runs', columns: ['n'], rows: [[0]] }] })).toBe(
      page,
    );
  });

  it('draws the error over a setting that is a number', async () => {
    const over = [2, 4, 8].map((blocks) => ({ label: `${blocks}`, settings: { blocks: `${blocks}` }, runs: [run(`${blocks}`, [blocks])] }));
    expect(await renderSweep({ title: 'Blocks', groups: over })).toContain('Test error over blocks');
    expect(await renderSweep({ title: 'Losses', groups })).not.toContain('Test error over');
  });

  it('says so when no run has ended well', async () => {
    expect(await renderSweep({ title: 'Nothing', groups: [{ label: 'x', settings: {}, runs: [] }] })).toContain('No run has ended well.');
  });
});

describe('charts of spreads', () => {
  it('draw a band behind a line, and scale to it', async () => {
    const chart = { title: 't', x: { title: 'x' }, y: { title: 'y' } };
    const points = [1, 2].map((at) => [at, 5] as const);
    const without = await lineChart({ ...chart, series: [{ label: 'a', points }] });
    const band = [1, 2].map((at) => [at, 0, 10] as const);
    const svg = await lineChart({ ...chart, series: [{ label: 'a', points, band }] });
    expect([without.includes('mark-area'), svg.includes('mark-area')]).toEqual([false, true]);
    expect(svg).toContain('>10<');
  });

  it('draw a dot per value, and a bar per mean', async () => {
    const means = [{ mean: 2, low: 1, high: 3 }, null];
    const svg = await dotChart({
      title: 't',
      x: { title: 'error', unit: '%' },
      rows: ['a', 'b'],
      measures: [{ label: 'last', values: [[1, 2, 3], []], means }],
    });
    expect(svg.match(/aria-roledescription|<path/g)!.length).toBeGreaterThan(4);
    expect([...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text)).toEqual(
      expect.arrayContaining(['a', 'b', 'error (%)', 'last']),
    );
  });
});
