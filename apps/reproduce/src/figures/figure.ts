import { type Cell, cellOf, type Variant } from '../tables/cell.ts';
import { cellsOf } from '../tables/layout.ts';
import type { Measured } from '../tables/measured.ts';
import { layoutOf } from '../tables/paper-tables.ts';

/** The paper's figures with results; 2 and 3 are drawings. */
export const FIGURES = ['1', '4', '5', '6', '7'] as const;
export type FigureNumber = (typeof FIGURES)[number];

/** What is measured of the cells of a figure, by their ids. */
export type ByCell = ReadonlyMap<string, Measured>;

/** A figure: a picture and what it was drawn from. */
export interface Figure {
  readonly title: string;
  readonly svg: string;
  /** First row: names of the columns. */
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** What one must know to compare. */
  readonly notes: readonly string[];
}

const TABLE_1 = () => cellsOf(layoutOf('1'));

/** DGL on CIFAR-10 with ResNet-32 in 16 blocks, the setting of Figures 5 and 7. */
const parts = (): readonly Cell[] =>
  (['plain', 'ema', 'bias', 'man'] satisfies Variant[]).map((variant) =>
    cellOf({ dataset: 'CIFAR-10', backbone: 'ResNet-32', blocks: 16, method: 'DGL', variant }),
  );
const endToEnd = () => cellOf({ dataset: 'CIFAR-10', backbone: 'ResNet-32', blocks: 1, method: 'E2E', variant: 'plain' });

const isFinest = ({ backbone, blocks }: Cell) => blocks === (backbone === 'ResNet-32' ? 16 : 55);

const CELLS: Readonly<Record<FigureNumber, () => readonly Cell[]>> = {
  1: () => TABLE_1().filter(({ backbone, blocks }) => backbone === 'ResNet-110' && blocks !== 32),
  4: () => TABLE_1().filter((cell) => cell.dataset === 'CIFAR-10' && isFinest(cell)),
  5: parts,
  6: () => TABLE_1().filter((cell) => cell.dataset === 'CIFAR-10' && (cell.method === 'E2E' || (cell.method === 'DGL' && isFinest(cell)))),
  7: () => [endToEnd(), ...parts()],
};

/** The cells that a figure stands on. */
export function figureCells(figure: FigureNumber): readonly Cell[] {
  return CELLS[figure]();
}

/** `name,value` lines; texts with commas or quotes are quoted. */
export function csvText(rows: Figure['rows']): string {
  const field = (value: string | number | null) => {
    const text = value === null ? '' : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(field).join(',')).join('\n')}\n`;
}
