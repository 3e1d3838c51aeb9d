import { type Axis, axisTitle, colorOf, dashOf, draw } from './chart-core.ts';
import { plainLine, truncate } from './display-width.ts';

/** A line of {@link lineChart}. */
export interface Series {
  readonly label: string;
  /** `[x, y]` in order of x; a y that is null or not finite leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** Which colour and dash it has; default its place among the series. */
  readonly style?: number;
}

/** What {@link lineChart} draws. */
export interface LineChart {
  readonly title: string;
  /** For readers who cannot see it; default: the axes and series. */
  readonly description?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Of the plot without axes and labels, in pixels; default 420. */
  readonly width?: number;
  /** Default 220. */
  readonly height?: number;
  /** Whether series are named at their ends; default true. */
  readonly labels?: boolean;
}

/**
 * Lines as an SVG text: no browser needed, the same input gives the same text.
 *
 * Each series is named at its end rather than in a legend; colours are distinct for colour-blind readers and differ in dash as well.
 *
 * @throws MAN_TRACK_CHART_FAILED
 * @example
 * ```ts
 * const svg = await lineChart({ title: 'Test error', x: { title: 'epoch' }, y: { title: 'error', unit: '%' },
 *   series: [{ label: 'MAN', points: [[1, 40], [2, 31]] }] });
 * ```
 */
export async function lineChart(chart: LineChart): Promise<string> {
  const { title, x, y, series, width = 420, height = 220, labels = true } = chart;
  const rows = series.flatMap(({ points }, index) =>
    points
      .map(([at, value]) => ({ x: at, y: drawable(value, y) ? value : null, series: String(index) }))
      .filter((row) => drawable(row.x, x)),
  );
  const seen = rows.filter((row) => row.y !== null) as { x: number; y: number }[];
  const description = chart.description ?? `${axisTitle(y)} against ${axisTitle(x)} for ${series.map(({ label }) => label).join(', ')}`;
  if (seen.length === 0) return draw(title, 'No data', emptySpec(title, width, height));
  const domains = { x: domainOf(seen, 'x', x, false), y: domainOf(seen, 'y', y, true) };
  const whole = seen.every((row) => Number.isInteger(row.x)) ? { format: 'd', tickMinStep: 1 } : {};
  const color = { field: 'series', type: 'nominal', legend: null } as const;
  const domain = series.map((_, index) => String(index));
  const styles = series.map(({ style }, index) => style ?? index);
  return draw(title, description, {
    title,
    width,
    height,
    data: { values: rows },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 2, strokeJoin: 'round', ...(isSparse(chart) ? { point: { size: 28, filled: true } } : {}) },
        encoding: {
          x: {
            field: 'x',
            type: 'quantitative',
            title: axisTitle(x),
            scale: { type: x.scale ?? 'linear', domain: domains.x, nice: false },
            axis: whole,
          },
          y: {
            field: 'y',
            type: 'quantitative',
            title: axisTitle(y),
            scale: { type: y.scale ?? 'linear', domain: domains.y, nice: false, zero: false },
            axis: { tickCount: 5 },
          },
          color: { ...color, scale: { domain, range: styles.map(colorOf) } },
          strokeDash: { ...color, scale: { domain, range: styles.map(dashOf) } },
        },
      },
      ...(labels ? endLabels(series, styles, domains.y, y, width, height) : []),
    ],
  });
}

function drawable(value: number | null, axis: Axis): value is number {
  return value !== null && Number.isFinite(value) && (axis.scale !== 'log' || value > 0);
}

/** Few points are drawn as such; a line through many is enough. */
function isSparse({ series }: LineChart): boolean {
  return series.every(({ points }) => points.length <= 24);
}

function domainOf(
  rows: readonly { readonly x: number; readonly y: number }[],
  key: 'x' | 'y',
  axis: Axis,
  nice: boolean,
): [number, number] {
  let low = axis.zero === true && axis.scale !== 'log' ? 0 : Number.POSITIVE_INFINITY;
  let high = axis.zero === true && axis.scale !== 'log' ? 0 : Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    low = Math.min(low, row[key]);
    high = Math.max(high, row[key]);
  }
  if (axis.scale === 'log') return low === high ? [low / 2, high * 2] : [low, high];
  if (low === high) return [low - (Math.abs(low) / 2 || 0.5), high + (Math.abs(high) / 2 || 0.5)];
  return nice ? niceDomain(low, high) : [low, high];
}

/** The domain widened to multiples of a round step, about five of them. */
function niceDomain(low: number, high: number): [number, number] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  return [rounded(Math.floor(low / step) * step), rounded(Math.ceil(high / step) * step)];
}

/** Without the last digits, which multiplying made up. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

const LABEL_PIXELS = 15;

/** A swatch and a name beside the end of each line, moved apart where they would overlap. */
function endLabels(
  series: readonly Series[],
  styles: readonly number[],
  [low, high]: readonly [number, number],
  axis: Axis,
  width: number,
  height: number,
): object[] {
  const scale = axis.scale === 'log' ? Math.log : (value: number) => value;
  const ends = series.flatMap(({ label, points }, index) => {
    const last = points.findLast(([, value]) => drawable(value, axis))?.[1];
    if (last === undefined || last === null) return [];
    return [{ label, style: styles[index] as number, at: height * (1 - (scale(last) - scale(low)) / (scale(high) - scale(low))) }];
  });
  const places = spread(
    ends.map(({ at }) => at),
    LABEL_PIXELS,
    height,
  );
  return ends.flatMap(({ label, style }, index) => {
    const y = { value: places[index] as number };
    return [
      {
        data: { values: [{}] },
        mark: { type: 'rule', strokeWidth: 2.5, color: colorOf(style), strokeDash: dashOf(style) },
        encoding: { x: { value: width + 8 }, x2: { value: width + 24 }, y },
      },
      {
        data: { values: [{}] },
        mark: { type: 'text', align: 'left', baseline: 'middle', text: truncate(plainLine(label), 28) },
        encoding: { x: { value: width + 29 }, y },
      },
    ];
  });
}

/** Positions in the order given, moved as little as a sweep down and a sweep up need to have `gap` between any two. */
export function spread(positions: readonly number[], gap: number, height: number): number[] {
  const order = positions.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at || a.index - b.index);
  for (let i = 1; i < order.length; i++) {
    const [above, here] = [order[i - 1], order[i]] as [{ at: number }, { at: number }];
    here.at = Math.max(here.at, above.at + gap);
  }
  let floor = Math.max(height, (order.length - 1) * gap);
  for (const entry of order.toReversed()) {
    entry.at = Math.min(entry.at, floor);
    floor = entry.at - gap;
  }
  const placed: number[] = new Array(positions.length);
  for (const { at, index } of order) placed[index] = at;
  return placed;
}

function emptySpec(title: string, width: number, height: number): object {
  return {
    title,
    width,
    height,
    data: { values: [{}] },
    mark: { type: 'text', text: 'no data', opacity: 0.6 },
    encoding: { x: { value: width / 2 }, y: { value: height / 2 } },
  };
}
