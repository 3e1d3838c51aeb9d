import type { PaperNumber } from '../paper.ts';
import { type Cell, cellOfNumber, methodName } from './cell.ts';
import {
  cellsOf,
  type Entry,
  entryOf,
  numbersOf,
  type Part,
  type Row,
  type TableLayout,
  TRAINED_TABLES,
  type TrainedTable,
  unique,
} from './layout.ts';

/** The layout of a table, as the paper prints it. */
export function layoutOf(table: TrainedTable): TableLayout {
  return { 1: table1, 2: table2, 4: table4, 5: table5 }[table]();
}

/** The folder, below that of all outputs, in which the runs of a cell are: that of the first table which has it, else of Figure 5. */
export function homeOf({ id }: Pick<Cell, 'id'>): string {
  const first = TRAINED_TABLES.find((table) => cellsOf(layoutOf(table)).some((cell) => cell.id === id));
  return first === undefined ? 'figure-5' : `table-${first}`;
}

const LAST_EPOCH =
  'D16: our numbers are of the last epoch. The best epoch stands beside it and was chosen on test data; which one the paper prints is not said.';

function table1(): TableLayout {
  const numbers = numbersOf('1');
  const settings = unique(
    numbers.filter(({ K }) => K > 1),
    ({ backbone, K }) => `${backbone}, K=${K}`,
  );
  const rows = unique(numbers, ({ dataset, method, man }) => `${dataset} ${method} ${man}`).map(({ dataset, method, man }) => {
    const own = numbers.filter((row) => row.dataset === dataset && row.method === method && row.man === man);
    // End to end has one number for a network, whatever it is cut into.
    const found = settings.map(({ backbone, K }) => own.find((row) => row.backbone === backbone && (row.K === K || row.K === 1)));
    const entries = found.map((row) => (row === undefined ? null : entryOf(row, numbers)));
    return { heads: [dataset, nameOf(entries)], entries };
  });
  const columns = settings.map(({ backbone, K }) => `${backbone}, K=${K}`);
  return {
    name: 'Table 1',
    title: 'Test error (%) of local losses with and without MAN',
    parts: [{ title: '', heads: ['data set', 'method'], columns, rows }],
    notes: [
      LAST_EPOCH,
      'D18: the paper’s end-to-end numbers, and those of the local losses alone with K=16 and K=55, seem to be quoted from AugLocal rather than trained anew.',
      'D1: the finest cuts have 16 and 55 blocks as the paper says; the released code trains 15 and 54.',
    ],
  };
}

function table2(): TableLayout {
  const numbers = numbersOf('2');
  const rows = rowsByCell(numbers, ({ backbone, K, ...row }) => [
    backbone,
    `${methodName(cellOfNumber({ backbone, K, ...row }))}${K > 1 ? `, K=${K}` : ''}`,
  ]);
  return {
    name: 'Table 2',
    title: 'Error (%) on ImageNet with and without MAN',
    parts: [{ title: '', heads: ['network', 'method'], columns: ['top-1', 'top-5'], rows }],
    notes: [
      LAST_EPOCH,
      'D18: the paper’s end-to-end and InfoPro, K=2, rows equal those of the InfoPro paper (8 GPUs, batch 1024 or 512) digit for digit, and were not trained with this recipe. VGG13’s rows without MAN seem to be quoted too.',
      'D3: in four blocks, cuts are those that were first released; ResNet-152’s blocks then have 12, 9, 8 and 21 units.',
      'D4, D5: VGG13 has batch norm, no dropout, and the head of DGL’s authors.',
    ],
  };
}

function table4(): TableLayout {
  const mark = (has: boolean | undefined) => (has === true ? '✓' : '–');
  const part = (table: '4a' | '4b', title: string, columns: readonly string[]): Part => ({
    title,
    heads: ['EMA', 'learnable bias'],
    columns,
    rows: rowsByCell(numbersOf(table), ({ ema, learnable_bias }) => [mark(ema), mark(learnable_bias)]),
  });
  return {
    name: 'Table 4',
    title: 'Error (%) with the parts of MAN',
    parts: [
      part('4a', '(a) CIFAR-10, ResNet-32, DGL, K=16', ['test error']),
      part('4b', '(b) ImageNet, ResNet-101, InfoPro, K=4', ['top-1', 'top-5']),
    ],
    notes: [LAST_EPOCH, 'D10: the learnable bias is a trained copy of the next block’s first unit. The paper has no number for it alone.'],
  };
}

function table5(): TableLayout {
  const mark = (has: boolean | undefined) => (has === true ? '✓' : '–');
  const part = (table: '5a' | '5b', title: string, columns: readonly string[]): Part => ({
    title,
    heads: ['next layer’s parameters', 'EMA'],
    columns,
    rows: rowsByCell(numbersOf(table), ({ next_layer_parameters, ema }) => [mark(next_layer_parameters), mark(ema)]),
  });
  return {
    name: 'Table 5',
    title: 'Error (%) with the next layer’s parameters as they are, and as an EMA',
    parts: [
      part('5a', '(a) CIFAR-10, ResNet-32, DGL, K=16', ['test error']),
      part('5b', '(b) ImageNet, ResNet-101, InfoPro, K=4', ['top-1', 'top-5']),
    ],
    notes: [
      LAST_EPOCH,
      'D14: the next layer’s parameters without EMA are a copy of its weights in every step, held constant for the block: momentum 0. The paper gives no procedure.',
      'The last rows are those of Table 4 with the EMA alone.',
    ],
  };
}

/** A row per cell, with its numbers in the order in which they are printed. */
function rowsByCell(numbers: readonly PaperNumber[], headsOf: (number: PaperNumber) => readonly string[]): readonly Row[] {
  const idOf = (number: PaperNumber) => cellOfNumber(number).id;
  return unique(numbers, idOf).map((first) => ({
    heads: headsOf(first),
    entries: numbers.filter((number) => idOf(number) === idOf(first)).map((number) => entryOf(number, numbers)),
  }));
}

function nameOf(entries: readonly (Entry | null)[]): string {
  const first = entries.find((entry) => entry !== null);
  return first === undefined ? '' : methodName(first.cell);
}
