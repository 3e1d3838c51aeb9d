import { type Bar, barChart } from './bar-chart.ts';
import { formatCount } from './format.ts';
import { escapeHtml } from './html.ts';
import { lineChart, type Series } from './line-chart.ts';
import { byteUnit } from './report-tables.ts';
import type { EpochNumbers, RunSummary } from './run-summary.ts';

/** Test error and training loss by epoch, a line per run; charts without any value are left out. */
export async function trainingCharts(runs: readonly RunSummary[]): Promise<string[]> {
  const error = curves(runs, ({ testAccuracy }) => (testAccuracy === null ? null : 100 * (1 - testAccuracy)));
  const loss = curves(runs, ({ trainLoss }) => trainLoss);
  const x = { title: 'epoch' };
  const width = 380;
  return present([
    hasPoints(error) && {
      svg: lineChart({ title: 'Test error', x, y: { title: 'test error', unit: '%' }, series: error, width }),
      caption: 'Share of test pictures that the final classifier gets wrong, after each epoch.',
    },
    hasPoints(loss) && {
      svg: lineChart({ title: 'Training loss of the last block', x, y: { title: 'cross-entropy', unit: 'nat' }, series: loss, width }),
      caption: 'Mean over each epoch, measured while the weights change.',
    },
  ]);
}

/** Loss by block at the last epoch, a small chart per run of several blocks: local losses of different kinds have no common scale. */
export async function lossCharts(runs: readonly RunSummary[]): Promise<string[]> {
  const figures = runs.map((run, style) => {
    const last = run.epochs.at(-1);
    if (last === undefined || last.blockLosses.length < 2) return false;
    const points = last.blockLosses.map((loss, block) => [block + 1, loss] as const);
    const svg = lineChart({
      title: run.label,
      description: `Loss of each of ${points.length} blocks in epoch ${last.epoch}`,
      x: { title: 'block' },
      y: { title: 'training loss' },
      series: [{ label: run.label, points, style }],
      width: 240,
      height: 130,
      labels: false,
    });
    return { svg, caption: `Epoch ${last.epoch}` };
  });
  return present(figures);
}

/** Peak tensor memory, a bar per run. */
export async function memoryChart(runs: readonly RunSummary[]): Promise<string[]> {
  const { unit, bytes, text } = byteUnit(runs.map((run) => run.peakTensorBytes));
  const bars = runs.map((run) =>
    bar(run, run.peakTensorBytes === null ? null : run.peakTensorBytes / bytes, () => text(run.peakTensorBytes ?? 0)),
  );
  return present([
    bars.some(({ value }) => value !== null) && {
      svg: barChart({ title: 'Peak tensor memory', x: { title: 'most tensors alive at once', unit }, bars, width: 360 }),
      caption: 'Weights, optimiser state, activations and gradients, in training. Less is better.',
    },
  ]);
}

/** Training speed, a bar per run. */
export async function speedChart(runs: readonly RunSummary[]): Promise<string[]> {
  const bars = runs.map((run) => bar(run, run.imagesPerSecond, formatCount));
  return present([
    bars.some(({ value }) => value !== null) && {
      svg: barChart({ title: 'Training speed', x: { title: 'speed', unit: 'images/s' }, bars, width: 360 }),
      caption: 'Mean over all epochs, without evaluation. More is better.',
    },
  ]);
}

function bar({ label }: RunSummary, value: number | null, text: (value: number) => string): Bar {
  return value === null ? { label, value } : { label, value, text: text(value) };
}

function curves(runs: readonly RunSummary[], value: (epoch: EpochNumbers) => number | null): Series[] {
  return runs.map(({ label, epochs }) => ({ label, points: epochs.map((epoch) => [epoch.epoch, value(epoch)] as const) }));
}

function hasPoints(series: readonly Series[]): boolean {
  return series.some(({ points }) => points.some(([, y]) => y !== null));
}

/** Charts with their captions; what is false is left out. */
export async function present(figures: readonly (false | { svg: Promise<string>; caption: string })[]): Promise<string[]> {
  const wanted = figures.filter((figure) => figure !== false);
  return Promise.all(
    wanted.map(async ({ svg, caption }) => `<figure>\n${await svg}\n<figcaption>${escapeHtml(caption)}</figcaption>\n</figure>`),
  );
}
