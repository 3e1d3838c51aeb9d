import { barChart, lineChart } from '@man/track';
import { PAPER } from '../paper.ts';
import type { RunResult } from '../result.ts';
import { cellOfNumber, methodName } from '../tables/cell.ts';
import { lastError, type Measured, spreadIn, spreadOf } from '../tables/measured.ts';
import { spreadText } from '../tables/render.ts';
import { type ByCell, type Figure, figureCells } from './figure.ts';
import { composed } from './picture.ts';

/** Fig. 1: test accuracy of each method with and without MAN, a chart per data set; the paper's below ours. */
export async function figure1(byCell: ByCell): Promise<Figure> {
  const title = 'Figure 1: test accuracy with and without MAN, ResNet-110, K=55';
  const cells = figureCells('1').map((cell) => {
    const paper = PAPER.rows.find((number) => number.table === '1' && cellOfNumber(number).id === cell.id);
    return { cell, ours: spreadIn(byCell.get(cell.id), lastError), paper: paper?.value ?? null };
  });
  const datasets = [...new Set(cells.map(({ cell }) => cell.dataset))];
  const charts = (whose: string, read: (row: (typeof cells)[number]) => { value: number | null; text: string }) =>
    Promise.all(
      datasets.map((dataset) =>
        barChart({
          title: `${dataset}, ${whose}`,
          x: { title: 'test accuracy', unit: '%' },
          bars: cells.filter(({ cell }) => cell.dataset === dataset).map((row) => ({ label: methodName(row.cell), ...read(row) })),
          width: 260,
        }),
      ),
    );
  const ours = await charts('ours', ({ ours: spread }) =>
    spread === null ? { value: null, text: '' } : { value: 100 - spread.mean, text: spreadText({ ...spread, mean: 100 - spread.mean }) },
  );
  const printed = await charts('paper', ({ paper }) => ({
    value: paper === null ? null : 100 - paper,
    text: paper === null ? '' : (100 - paper).toFixed(2),
  }));
  return {
    title,
    svg: composed([ours, printed], title),
    rows: [
      ['data set', 'method', 'accuracy %', 'standard deviation', 'seeds', 'paper accuracy %'],
      ...cells.map(({ cell, ours: spread, paper }) => [
        cell.dataset,
        methodName(cell),
        spread === null ? null : rounded(100 - spread.mean),
        spread?.deviation == null ? null : rounded(spread.deviation),
        spread?.count ?? 0,
        paper === null ? null : rounded(100 - paper),
      ]),
    ],
    notes: ['The paper’s bars are 100 % less the errors of its Table 1.'],
  };
}

/** Fig. 4: accuracy by epoch, in training and in test, ResNet-32 (K=16) left and ResNet-110 (K=55) right. */
export async function figure4(byCell: ByCell): Promise<Figure> {
  const title = 'Figure 4: accuracy by epoch on CIFAR-10 with and without MAN';
  const cells = figureCells('4');
  const networks = [...new Set(cells.map(({ backbone, blocks }) => `${backbone}, K=${blocks}`))];
  const charts = (name: string, read: Read) =>
    Promise.all(
      networks.map((network) =>
        lineChart({
          title: `${network}: ${name}`,
          x: { title: 'epoch' },
          y: { title: name, unit: '%' },
          series: cells
            .filter(({ backbone, blocks }) => `${backbone}, K=${blocks}` === network)
            .map((cell) => ({ label: methodName(cell), points: meanByEpoch(byCell.get(cell.id), read) })),
        }),
      ),
    );
  const [training, test] = [await charts('training accuracy', trainAccuracy), await charts('test accuracy', testAccuracy)];
  const rows = cells.flatMap(({ id, backbone, blocks, ...cell }) =>
    [...(byCell.get(id)?.runs ?? [])].flatMap(([seed, { epochs }]) =>
      epochs.map((epoch) => [
        backbone,
        blocks,
        methodName(cell),
        seed,
        epoch.epoch,
        roundedOrNull(trainAccuracy(epoch)),
        roundedOrNull(testAccuracy(epoch)),
      ]),
    ),
  );
  return {
    title,
    svg: composed([training, test], title),
    rows: [['network', 'blocks', 'method', 'seed', 'epoch', 'training accuracy %', 'test accuracy %'], ...rows],
    notes: [
      'The paper prints curves and no numbers, and does not say whether of training or test: both are here, means over seeds.',
      'Training accuracy is that of the last block on augmented pictures, while its weights change.',
    ],
  };
}

type Epoch = RunResult['epochs'][number];
type Read = (epoch: Epoch) => number | null;
const trainAccuracy: Read = (epoch) => (epoch.trainAccuracy === null ? null : 100 * epoch.trainAccuracy);
const testAccuracy: Read = (epoch) => (epoch.testAccuracy === null ? null : 100 * epoch.testAccuracy);

function meanByEpoch(measured: Measured | undefined, read: Read): (readonly [number, number | null])[] {
  const epochs = [...(measured?.runs.values() ?? [])].flatMap((run) => run.epochs);
  const numbers = [...new Set(epochs.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  return numbers.map((number) => {
    const values = epochs.filter(({ epoch }) => epoch === number).map(read);
    return [number, spreadOf(values.filter((value) => value !== null))?.mean ?? null] as const;
  });
}

const rounded = (value: number) => Number(value.toFixed(4));
const roundedOrNull = (value: number | null) => (value === null ? null : rounded(value));
