import { displayWidth, pad, plainLine } from './display-width.ts';

/** A column of {@link textTable}. */
export interface Column<Row> {
  readonly heading: string;
  /** The cell of a row; null and undefined are shown as `–`. */
  readonly value: (row: Row, index: number) => string | number | null | undefined;
  /** `'right'` by default where all cells are numbers, else `'left'`. */
  readonly align?: 'left' | 'right';
}

/** How {@link textTable} draws. */
export interface TextTableOptions {
  /** `'text'` (default) aligns with spaces under a rule; `'markdown'` makes a table for a README. */
  readonly format?: 'text' | 'markdown';
}

/**
 * Rows as an aligned table, numbers to the right; no line ends in spaces and there is no final line break.
 *
 * @example
 * ```ts
 * textTable([{ name: 'MAN', error: 6.5 }], [
 *   { heading: 'method', value: (row) => row.name },
 *   { heading: 'test error (%)', value: (row) => row.error },
 * ]);
 * ```
 */
export function textTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TextTableOptions = {}): string {
  const markdown = options.format === 'markdown';
  const clean = markdown ? escapeMarkdown : plainLine;
  const drawn = columns.map((column) => {
    const values = rows.map((row, index) => column.value(row, index) ?? null);
    const cells = values.map((value) => clean(value === null ? '–' : String(value)));
    const heading = clean(column.heading);
    const numeric = values.some((value) => value !== null) && values.every((value) => value === null || typeof value === 'number');
    const width = [heading, ...cells].reduce((widest, text) => Math.max(widest, displayWidth(text)), 3);
    return { heading, cells, width, align: column.align ?? (numeric ? 'right' : 'left') } as const;
  });
  const line = (cellOf: (column: (typeof drawn)[number]) => string): string => {
    const cells = drawn.map((column) => pad(cellOf(column), column.width, column.align));
    return markdown ? `| ${cells.join(' | ')} |` : cells.join('  ').trimEnd();
  };
  const rule = markdown
    ? `| ${drawn.map(({ width, align }) => (align === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`
    : drawn.map(({ width }) => '─'.repeat(width)).join('  ');
  return [line((column) => column.heading), rule, ...rows.map((_, row) => line((column) => column.cells[row] ?? ''))].join('\n');
}

function escapeMarkdown(text: string): string {
  return plainLine(text).replace(/[\\|]/g, '\\$&').replace(/</g, '&lt;');
}
