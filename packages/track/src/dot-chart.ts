import { type Axis, axisTitle, colorOf, draw, frame, textWidth } from './chart-core.ts';
import { plainLine, truncate } from './display-width.ts';

/** A measure of {@link dotChart}: what all rows have of it. */
export interface Dots {
  readonly label: string;
  /** A list of single values per row. */
  readonly values: readonly (readonly number[])[];
  /** Mean of each row with the ends of its bar; null where there is none. */
  readonly means: readonly ({ readonly mean: number; readonly low: number; readonly high: number } | null)[];
}

/** What {@link dotChart} draws. */
export interface DotChart {
  readonly title: string;
  readonly x: Axis;
  /** What the rows are called, from the top. */
  readonly rows: readonly string[];
  readonly measures: readonly Dots[];
  /** Of the plot without labels, in pixels; default 380. */
  readonly width?: number;
}

const ROW_PIXELS = 34;

/**
 * Means with their spread, a row per group: a filled dot for each mean, a bar from low to high, hollow dots for the single values. Each
 * measure has a colour and a height of its own within the rows.
 *
 * @throws MAN_TRACK_CHART_FAILED
 */
export async function dotChart({ title, x, rows, measures, width = 380 }: DotChart): Promise<string> {
  const names = rows.map((row) => truncate(plainLine(row), 36));
  const height = Math.max(1, rows.length) * ROW_PIXELS;
  const yOf = (row: number, measure: number) => ROW_PIXELS * (row + (measure + 1) / (measures.length + 1));
  const color = {
    field: 'measure',
    type: 'nominal',
    scale: { domain: measures.map(({ label }) => label), range: measures.map((_, i) => colorOf(i)) },
  };
  const legend = { ...color, legend: { orient: 'bottom', title: null, labelColor: 'currentColor' } };
  const points = measures.flatMap(({ label, values }, m) =>
    values.flatMap((list, row) => list.map((value) => ({ x: value, y: yOf(row, m), measure: label }))),
  );
  const means = measures.flatMap(({ label, means: list }, m) =>
    list.flatMap((found, row) => (found === null ? [] : [{ ...found, y: yOf(row, m), measure: label }])),
  );
  const y = { field: 'y', type: 'quantitative', scale: { domain: [height, 0], nice: false }, axis: null };
  const along = (field: string) => ({
    field,
    type: 'quantitative',
    title: axisTitle(x),
    scale: { type: x.scale ?? 'linear', zero: x.zero ?? false, nice: true, padding: 8 },
    axis: { grid: true, tickCount: 6 },
  });
  return draw(title, `${axisTitle(x)} of ${names.join(', ')}`, {
    ...frame(title, { left: 14 + Math.ceil(Math.max(0, ...names.map(textWidth))), right: 14, bottom: 66 }),
    width,
    height,
    layer: [
      ...names.map((text, row) => ({
        data: { values: [{}] },
        mark: { type: 'text', align: 'right', baseline: 'middle', text },
        encoding: { x: { value: -8 }, y: { value: ROW_PIXELS * (row + 0.5) } },
      })),
      {
        data: { values: means },
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { y, x: along('low'), x2: { field: 'high' }, color: legend },
      },
      { data: { values: points }, mark: { type: 'point', size: 26, strokeWidth: 1.2 }, encoding: { y, x: along('x'), color: legend } },
      {
        data: { values: means },
        mark: { type: 'point', size: 60, filled: true, opacity: 1 },
        encoding: { y, x: along('mean'), color: legend },
      },
    ],
  });
}
