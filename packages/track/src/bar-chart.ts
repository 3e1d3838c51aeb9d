import { type Axis, axisTitle, colorOf, draw, frame, textWidth } from './chart-core.ts';
import { plainLine, truncate } from './display-width.ts';

/** A bar of {@link barChart}. */
export interface Bar {
  readonly label: string;
  /** Null and values that are not finite have no bar and the text `–`. */
  readonly value: number | null;
  /** Written at its end; default the value. */
  readonly text?: string;
  /** Which colour it has; default its place among the bars. */
  readonly style?: number;
}

/** What {@link barChart} draws. */
export interface BarChart {
  readonly title: string;
  /** For readers who cannot see it; default: labels and values. */
  readonly description?: string;
  readonly x: Axis;
  readonly bars: readonly Bar[];
  /** Of the plot without axes and labels, in pixels; default 420. */
  readonly width?: number;
}

/**
 * Horizontal bars from zero, one below the other in the order given, as an SVG text.
 *
 * @throws MAN_TRACK_CHART_FAILED
 * @example
 * ```ts
 * const svg = await barChart({ title: 'Memory', x: { title: 'peak', unit: 'MB' }, bars: [{ label: 'MAN', value: 310 }] });
 * ```
 */
export async function barChart({ title, description, x, bars, width = 420 }: BarChart): Promise<string> {
  const rows = bars.map(({ label, value, text, style }, index) => {
    const known = value !== null && Number.isFinite(value);
    return {
      key: index,
      label: truncate(plainLine(label), 28),
      value: known ? value : 0,
      text: known ? (text ?? String(value)) : '–',
      style: style ?? index,
    };
  });
  const most = rows.reduce((a, { value }) => Math.max(a, value), 0);
  const y = {
    field: 'key',
    type: 'ordinal',
    title: null,
    axis: {
      labelExpr: `${JSON.stringify(rows.map(({ label }) => label))}[datum.value]`,
      labelLimit: 240,
      labelPadding: 6,
      ticks: false,
      domain: false,
    },
  };
  return draw(title, description ?? rows.map(({ label, text }) => `${label}: ${text}`).join('; '), {
    ...frame(title, { left: 10 + Math.ceil(Math.max(0, ...rows.map(({ label }) => textWidth(label)))), right: 16 }),
    width,
    height: Math.max(1, rows.length) * 28,
    data: { values: rows },
    layer: [
      {
        mark: { type: 'bar', height: 17 },
        encoding: {
          y,
          x: {
            field: 'value',
            type: 'quantitative',
            title: axisTitle(x),
            // Room for the text of the longest bar.
            scale: { domain: [0, most > 0 ? most * 1.18 : 1], nice: false },
            axis: { grid: true, tickCount: 5 },
          },
          color: {
            field: 'key',
            type: 'ordinal',
            legend: null,
            scale: { domain: rows.map(({ key }) => key), range: rows.map(({ style }) => colorOf(style)) },
          },
        },
      },
      {
        mark: { type: 'text', align: 'left', baseline: 'middle', dx: 5 },
        encoding: { y, x: { field: 'value', type: 'quantitative' }, text: { field: 'text' } },
      },
    ],
  });
}
