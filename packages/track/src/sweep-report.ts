import { atomicWrite } from './atomic-write.ts';
import { dotChart } from './dot-chart.ts';
import { escapeHtml } from './html.ts';
import { lineChart, type Series } from './line-chart.ts';
import { grid, type Report, reportPage, section } from './report.ts';
import { present } from './report-charts.ts';
import { scrolling } from './report-tables.ts';
import { bestError, curveOf, groupColumns, lastError, type RunGroup, type Spread, spreadOf } from './run-group.ts';
import type { EpochNumbers, RunSummary } from './run-summary.ts';

/** What the page of a sweep shows: plain data, nothing is HTML. */
export interface SweepReport extends Pick<Report, 'title' | 'summary' | 'tables' | 'configuration' | 'environment' | 'notes' | 'date'> {
  /** One row per group, in this order. */
  readonly groups: readonly RunGroup[];
}

/** Curves of more groups than there are colours could not be told apart. */
const MOST_CURVES = 7;

/**
 * One page about a sweep, self-contained like that of `renderReport`: mean ± standard deviation over the seeds of each group, at the last and
 * the best epoch, as a table and as dots; curves with bands; and the error over each setting that is a number.
 *
 * @throws MAN_TRACK_CHART_FAILED
 * @example
 * ```ts
 * const page = await renderSweep({ title: 'Losses', groups: [{ label: 'DGL', settings: { loss: 'dgl' }, runs: summaries }] });
 * ```
 */
export async function renderSweep(report: SweepReport): Promise<string> {
  const groups = report.groups.filter(({ runs }) => runs.length > 0);
  const [dots, curves, settings] = await Promise.all([errorDots(groups), groupCurves(groups), overSettings(groups)]);
  return reportPage(report, [
    section('Results', resultsOf(groups)),
    section('Test error', grid('charts', [...dots, ...settings])),
    section('Training', grid('charts', curves)),
  ]);
}

/**
 * Writes the page of {@link renderSweep}, atomically.
 *
 * @throws MAN_TRACK_CHART_FAILED, MAN_TRACK_WRITE_FAILED
 */
export async function writeSweepReport(file: string, report: SweepReport): Promise<void> {
  await atomicWrite(file, await renderSweep(report));
}

/** A row per group; the least mean error is marked. */
function resultsOf(groups: readonly RunGroup[]): string {
  if (groups.length === 0) return '<p class="soft">No run has ended well.</p>';
  const columns = groupColumns(groups);
  const least = columns.map(({ rank }) => {
    const means = rank === undefined || groups.length < 2 ? [] : groups.map(rank).filter((mean) => mean !== null);
    return means.length === 0 ? null : Math.min(...means);
  });
  const head = columns.map(
    ({ heading, align }) => `<th scope="col"${align === 'right' ? ' class="number"' : ''}>${escapeHtml(heading)}</th>`,
  );
  const rows = groups.map((group, row) => {
    const cells = columns.map(({ value, align, rank }, i) => {
      const isBest = least[i] !== null && rank?.(group) === least[i];
      return `<td${align === 'right' ? ` class="number${isBest ? ' best' : ''}"` : ''}>${escapeHtml(String(value(group, row) ?? '–'))}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const caption =
    'Mean ± sample standard deviation over the runs of a row, which differ in nothing but their seed. “Best epoch” is the least error of any epoch, chosen on test data. Bold: lowest mean error.';
  return scrolling(
    `<table>\n<thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n<caption>${escapeHtml(caption)}</caption>\n</table>`,
    'Results',
  );
}

/** Error of each group, a row per group: last and best epoch. */
function errorDots(groups: readonly RunGroup[]): Promise<string[]> {
  const measures = [
    { label: 'last epoch', value: lastError },
    { label: 'best epoch', value: bestError },
  ].map(({ label, value }) => ({
    label,
    values: groups.map(({ runs }) => runs.map(value).filter((each) => each !== null)),
    means: groups.map(({ runs }) => endsOf(spreadOf(runs.map(value)))),
  }));
  return present([
    measures.some(({ means }) => means.some((mean) => mean !== null)) && {
      svg: dotChart({
        title: 'Test error at the last and the best epoch',
        x: { title: 'test error', unit: '%' },
        rows: groups.map(({ label }) => label),
        measures,
      }),
      caption:
        'Filled: mean, with a bar of one standard deviation to each side. Hollow: single runs. The best epoch is chosen on test data.',
    },
  ]);
}

const endsOf = (spread: Spread | null) =>
  spread === null ? null : { mean: spread.mean, low: spread.mean - (spread.deviation ?? 0), high: spread.mean + (spread.deviation ?? 0) };

/** Test error and training loss by epoch: a line and a band per group. */
function groupCurves(groups: readonly RunGroup[]): Promise<string[]> {
  const ranked = groups.map((group) => ({ group, error: spreadOf(group.runs.map(lastError))?.mean ?? Number.POSITIVE_INFINITY }));
  const least = ranked.toSorted((a, b) => a.error - b.error).slice(0, MOST_CURVES);
  const shown = groups.filter((group) => least.some((each) => each.group === group));
  const left = groups.length > shown.length ? ` Of ${groups.length} groups, the ${shown.length} with the lowest error.` : '';
  const series = (value: (epoch: EpochNumbers) => number | null): Series[] =>
    shown.map((group) => {
      const curve = curveOf(group, value);
      return {
        label: group.label,
        points: curve.map(({ epoch, spread }) => [epoch, spread.mean] as const),
        band: curve.map(
          ({ epoch, spread }) => [epoch, spread.mean - (spread.deviation ?? 0), spread.mean + (spread.deviation ?? 0)] as const,
        ),
      };
    });
  const chart = (title: string, y: { readonly title: string; readonly unit: string }, lines: readonly Series[]) =>
    lines.some(({ points }) => points.length > 0) && {
      svg: lineChart({ title, x: { title: 'epoch' }, y, series: lines, width: 380 }),
      caption: `Mean over the runs of a group; the band is one standard deviation to each side.${left}`,
    };
  const error = series(({ testAccuracy }) => (testAccuracy === null ? null : 100 * (1 - testAccuracy)));
  const loss = series(({ trainLoss }) => trainLoss);
  return present([
    chart('Test error', { title: 'test error', unit: '%' }, error),
    chart('Training loss of the last block', { title: 'cross-entropy', unit: 'nat' }, loss),
  ]);
}

/** Error over each setting that is a number in all groups, with a line for each choice of the other settings. */
async function overSettings(groups: readonly RunGroup[]): Promise<string[]> {
  const keys = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  const numeric = keys.filter((key) => {
    const values = new Set(groups.map(({ settings }) => settings[key]));
    return values.size > 2 && [...values].every((value) => value !== undefined && Number.isFinite(Number(value)));
  });
  const figures = numeric.map((key) => {
    const lines = new Map<string, RunGroup[]>();
    for (const group of groups) {
      const label = labelWithout(key, group);
      lines.set(label, [...(lines.get(label) ?? []), group]);
    }
    if (lines.size > MOST_CURVES) return false;
    const series = [...lines].map(([label, members]) => lineOver(key, label, members, lastError));
    return (
      series.some(({ points }) => points.length > 0) && {
        svg: lineChart({
          title: `Test error over ${key}`,
          x: { title: key, scale: scaleOf(groups.map(({ settings }) => Number(settings[key]))) },
          y: { title: 'test error', unit: '%' },
          series,
          width: 380,
          labels: lines.size > 1,
        }),
        caption: 'Last epoch: mean over the runs of a group; the band is one standard deviation to each side.',
      }
    );
  });
  return present(figures);
}

const labelWithout = (key: string, { settings }: RunGroup) =>
  Object.entries(settings)
    .filter(([other]) => other !== key)
    .map(([other, value]) => `${other}=${value}`)
    .join(' ');

function lineOver(key: string, label: string, groups: readonly RunGroup[], value: (run: RunSummary) => number | null): Series {
  const found = groups
    .flatMap(({ settings, runs }) => {
      const ends = endsOf(spreadOf(runs.map(value)));
      return ends === null ? [] : [{ x: Number(settings[key]), ...ends }];
    })
    .sort((a, b) => a.x - b.x);
  return {
    label,
    points: found.map(({ x, mean }) => [x, mean] as const),
    band: found.map(({ x, low, high }) => [x, low, high] as const),
  };
}

/** Learning rates from 0.001 to 1 are drawn by their logarithms. */
function scaleOf(values: readonly number[]): 'linear' | 'log' {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low > 0 && high / low >= 30 ? 'log' : 'linear';
}
