import { PAPER, type PaperNumber } from '../paper.ts';
import { type Cell, cellOfNumber } from './cell.ts';

/** One number of a table: the cell that measures it, and what the paper has there. */
export interface Entry {
  readonly cell: Cell;
  readonly metric: PaperNumber['metric'];
  /** As the paper prints it. */
  readonly paper: number;
  /** What is added to the local loss changes it by this; null for what nothing is added to. */
  readonly paperChange: number | null;
}

/** A row in the paper's order: what it is called, then a number per column. */
export interface Row {
  readonly heads: readonly string[];
  /** One per column; null where the paper has none. */
  readonly entries: readonly (Entry | null)[];
}

/** A table of the paper, or its part (a) or (b). */
export interface Part {
  readonly title: string;
  /** Of the leading columns. */
  readonly heads: readonly string[];
  /** Of the columns with numbers. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** A table as the paper lays it out. */
export interface TableLayout {
  readonly name: string;
  readonly title: string;
  readonly parts: readonly Part[];
  /** What one must know to compare. */
  readonly notes: readonly string[];
}

/** Tables whose numbers come from training. */
export const TRAINED_TABLES = ['1', '2', '4', '5'] as const;
export type TrainedTable = (typeof TRAINED_TABLES)[number];

/** The cells of a table, each once, in the order of its rows. */
export function cellsOf({ parts }: TableLayout): readonly Cell[] {
  const entries = parts.flatMap(({ rows }) => rows.flatMap((row) => row.entries.filter((entry) => entry !== null)));
  return [...new Map(entries.map(({ cell }) => [cell.id, cell])).values()];
}

/** The numbers of a table or of its part. */
export function numbersOf(table: PaperNumber['table']): readonly PaperNumber[] {
  return PAPER.rows.filter((row) => row.table === table);
}

/** A number with its cell; its change is against the number of the same table to which nothing is added. */
export function entryOf(number: PaperNumber, numbers: readonly PaperNumber[]): Entry {
  const cell = cellOfNumber(number);
  const plain = numbers.find((other) => other.metric === number.metric && isPlainOf(cellOfNumber(other), cell));
  const paperChange = plain === undefined || cell.variant === 'plain' ? null : Number((number.value - plain.value).toFixed(2));
  return { cell, metric: number.metric, paper: number.value, paperChange };
}

/** Whether `other` is what something was added to in `cell`. */
export function isPlainOf(other: Cell, cell: Cell): boolean {
  const { dataset, backbone, blocks, method } = cell;
  return (
    other.variant === 'plain' &&
    other.dataset === dataset &&
    other.backbone === backbone &&
    other.blocks === blocks &&
    other.method === method
  );
}

/** The first item of each key. */
export function unique<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map(items.map((item) => [keyOf(item), item] as const).reverse()).values()].reverse();
}
