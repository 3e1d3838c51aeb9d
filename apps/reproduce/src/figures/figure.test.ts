import { describe, expect, it } from 'vitest';
import { jobsOf } from '../tables/job.ts';
import type { Measured } from '../tables/measured.ts';
import { exampleResult } from '../testing.ts';
import { figure1, figure4 } from './accuracy-figures.ts';
import { csvText, figureCells } from './figure.ts';
import { composed, pictureGrid, rasterised } from './picture.ts';

const options = { out: '/runs', profile: 'paper', seeds: 2, overrides: [] } as const;
const epoch = { trainLoss: 1, testLoss: 1, blockLosses: [], seconds: 1, imagesPerSecond: 1, peakTensorBytes: 1, learningRate: 0.1 };

/** One finished run of two epochs for some cells of a figure, none for the others. */
function measured(figure: '1' | '4', errors: Readonly<Record<string, number>>): ReadonlyMap<string, Measured> {
  const cells = figureCells(figure);
  const jobs = jobsOf(cells, options);
  return new Map(
    cells.map(({ id }) => {
      const error = errors[id];
      const result = exampleResult({
        final: { ...exampleResult().final, testError: error ?? null },
        epochs: [1, 2].map((number) => ({ ...epoch, epoch: number, trainAccuracy: number / 4, testAccuracy: number / 5 })),
      });
      const runs = new Map(error === undefined ? [] : [[1, result] as const]);
      return [id, { jobs: jobs.filter(({ cell }) => cell.id === id), runs, begun: 0, problem: null }];
    }),
  );
}

describe('figureCells', () => {
  const ids = (figure: '1' | '4' | '5' | '6' | '7') => figureCells(figure).map(({ id }) => id);

  it('are those of the paper', () => {
    expect(ids('1')).toHaveLength(3 * 7);
    expect(ids('4')).toHaveLength(2 * 6);
    expect(ids('5')).toEqual(['', '-ema', '-bias', '-man'].map((added) => `cifar10-resnet32-k16-dgl${added}`));
    expect(ids('6')).toHaveLength(2 * 3);
    expect(ids('7')).toEqual(['cifar10-resnet32-e2e', ...ids('5')]);
  });
});

describe('figure1', () => {
  it('draws accuracies beside the paper’s, and leaves out what is not there', async () => {
    const { svg, rows } = await figure1(measured('1', { 'cifar10-resnet110-k55-dgl-man': 0.1 }));
    const row = (...heads: string[]) => rows.find(([dataset, method]) => dataset === heads[0] && method === heads[1])?.slice(2);
    expect(row('CIFAR-10', 'DGL + MAN')).toEqual([90, null, 1, 90.27]);
    expect(row('SVHN', 'DGL')).toEqual([null, null, 0, 94.64]);
    expect(svg.match(/<svg /g)).toHaveLength(1 + 2 * 3);
    expect(svg).toContain('90.27');
  });
});

describe('figure4', () => {
  it('has accuracies of each epoch, in training and test', async () => {
    const { rows } = await figure4(measured('4', { 'cifar10-resnet32-k16-infopro': 0.1 }));
    expect(rows.slice(1)).toEqual([
      ['ResNet-32', 16, 'InfoPro', 1, 1, 25, 20],
      ['ResNet-32', 16, 'InfoPro', 1, 2, 50, 40],
    ]);
  });
});

describe('pictures', () => {
  it('stand side by side, and become PNG of twice the size', async () => {
    const chart = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"></svg>';
    const svg = composed([[chart, chart], [chart]], 'a < b');
    expect(svg).toContain('width="272" height="172"');
    expect(svg).toContain('x="148" y="24"');
    const png = await rasterised(svg);
    // Width and height, behind the signature and the name of the first chunk.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([544, 344]);
  });

  it('are drawn of few pixels, grey or in colour', async () => {
    const grey = { values: Float32Array.of(0, 0.5, 1, 2), width: 2, height: 2 };
    const colour = { values: new Float32Array(12).fill(0.5), width: 2, height: 2 };
    const svg = await pictureGrid([{ name: 'a', pictures: [grey, colour, null] }], { title: 't', heads: ['0', '1', '2'], side: 8 });
    expect(svg.match(/data:image\/png;base64,/g)).toHaveLength(2);
  });
});

describe('csvText', () => {
  it('quotes what needs it, and puts nothing for nothing', () => {
    const rows = [
      ['a', 'b,c'],
      [1.5, null],
      ['say "x"', 0],
    ];
    expect(csvText(rows)).toBe('a,"b,c"\n1.5,\n"say ""x""",0\n');
  });
});
