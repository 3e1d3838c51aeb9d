import { type Axis, axisTitle, colorOf, dashOf, draw, frame, textWidth } from './chart-core.ts';
import { plainLine, truncate } from './display-width.ts';

/** A line of {@link lineChart}. */
export interface Series {
  readonly label: string;
  /** `[x, y]` in order of x; a y that is null or not finite leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
  /** `[x, low, high]` in order of x: an area behind the lines. Default none. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
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
  const bands = series.flatMap(({ band = [] }, index) =>
    band
      .filter((row) => drawable(row[0], x) && drawable(row[1], y) && drawable(row[2], y))
      .map(([at, low, high]) => ({ x: at, y: low, high, series: String(index) })),
  );
  const ends = bands.flatMap(({ x: at, y: low, high }) => [low, high].map((value) => ({ x: at, y: value })));
  const seen = [...(rows.filter((row) => row.y !== null) as { x: number; y: number }[]), ...ends];
  const description = chart.description ?? `${axisTitle(y)} against ${axisTitle(x)} for ${series.map(({ label }) => label).join(', ')}`;
  if (seen.length === 0) return draw(title, 'No data', emptySpec(title, width, height));
  const domainX = domainOf(seen, 'x', x);
  const domainY = domainOf(seen, 'y', y);
  const ticks = y.scale === 'log' ? null : niceTicks(...domainY);
  const [low, high] = ticks === null ? domainY : [ticks.values[0] as number, ticks.values.at(-1) as number];
  const labelWidth = ticks === null ? 44 : Math.max(...[low, high].map((value) => textWidth(value.toFixed(ticks.decimals))));
  const whole = seen.every((row) => Number.isInteger(row.x)) ? { format: 'd', tickMinStep: 1 } : {};
  const color = { field: 'series', type: 'nominal', legend: null } as const;
  const domain = series.map((_, index) => String(index));
  const styles = series.map(({ style }, index) => style ?? index);
  const names = labels ? series.map(({ label }) => endLabel(label)) : [];
  const left = Math.ceil(labelWidth) + 32;
  const encoding = {
    x: {
      field: 'x',
      type: 'quantitative',
      title: axisTitle(x),
      scale: { type: x.scale ?? 'linear', domain: domainX, nice: false },
      axis: whole,
    },
    y: {
      field: 'y',
      type: 'quantitative',
      title: axisTitle(y),
      scale: { type: y.scale ?? 'linear', domain: [low, high], nice: false, zero: false },
      axis: { titleX: 14 - left, ...(ticks === null ? { tickCount: 5 } : { values: ticks.values, format: `,.${ticks.decimals}f` }) },
    },
    color: { ...color, scale: { domain, range: styles.map(colorOf) } },
  };
  const point = isSparse(chart) ? { point: { size: 28, filled: true } } : {};
  return draw(title, description, {
    ...frame(title, { left, right: labels ? 36 + Math.ceil(Math.max(...names.map(textWidth))) : 12 }),
    width,
    height,
    data: { values: rows },
    layer: [
      ...(bands.length === 0
        ? []
        : [{ data: { values: bands }, mark: { type: 'area', opacity: 0.16 }, encoding: { ...encoding, y2: { field: 'high' } } }]),
      {
        mark: { type: 'line', strokeWidth: 2, strokeJoin: 'round', ...point },
        encoding: { ...encoding, strokeDash: { ...color, scale: { domain, range: styles.map(dashOf) } } },
      },
      ...(labels ? endLabels(series, styles, [low, high], y, width, height) : []),
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

function domainOf(rows: readonly { readonly x: number; readonly y: number }[], key: 'x' | 'y', axis: Axis): [number, number] {
  const fromZero = axis.zero === true && axis.scale !== 'log';
  let low = fromZero ? 0 : Number.POSITIVE_INFINITY;
  let high = fromZero ? 0 : Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    low = Math.min(low, row[key]);
    high = Math.max(high, row[key]);
  }
  if (low < high) return [low, high];
  if (axis.scale === 'log') return [low / 2, high * 2];
  const half = Math.abs(low) / 2 || 0.5;
  return [low - half, high + half];
}

/** Round values that span the domain, about five steps, and the decimals they need. */
function niceTicks(low: number, high: number): { readonly values: readonly number[]; readonly decimals: number } {
  const rough = (high - low) / 5;
  const exponent = Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * 10 ** exponent >= rough * 0.999) ?? 10;
  const step = factor * 10 ** exponent;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const decimals = Math.min(12, Math.max(0, factor === 10 ? -exponent - 1 : -exponent));
  // Multiplying makes up last digits: 3 * 0.1 is not 0.3.
  const values = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { values, decimals };
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
        mark: { type: 'text', align: 'left', baseline: 'middle', text: endLabel(label) },
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

function endLabel(label: string): string {
  return truncate(plainLine(label), 28);
}

function emptySpec(title: string, width: number, height: number): object {
  return {
    ...frame(title, { left: 12, right: 12 }),
    width,
    height,
    data: { values: [{}] },
    mark: { type: 'text', text: 'no data', opacity: 0.6 },
    encoding: { x: { value: width / 2 }, y: { value: height / 2 } },
  };
}
