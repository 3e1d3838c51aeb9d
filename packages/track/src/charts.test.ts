import { isManError } from '@man/base';
import { describe, expect, it, vi } from 'vitest';
import { barChart } from './bar-chart.ts';
import { draw, PALETTE } from './chart-core.ts';
import { lineChart, spread } from './line-chart.ts';

const x = { title: 'epoch' };
const y = { title: 'test error', unit: '%' };
const series = [
  { label: 'end to end', points: [1, 2, 3].map((epoch) => [epoch, 40 / epoch] as const) },
  { label: 'MAN <&"\'> ☃', points: [1, 2, 3].map((epoch) => [epoch, 41 / epoch] as const) },
];

/** What a reader sees written. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1] as string);
}

/** The `d` of the lines of a chart, in order. */
function lines(svg: string): string[] {
  return [...svg.matchAll(/<g class="mark-line[^>]*>((?:<path[^>]*>)*)/g)].flatMap(([, paths]) =>
    [...(paths ?? '').matchAll(/ d="([^"]*)"/g)].map((match) => match[1] as string),
  );
}

/** Widths of the bars of a chart, in order. */
function barWidths(svg: string): number[] {
  const group = svg.match(/<g class="mark-rect role-mark[^>]*>((?:<path[^>]*>)*)/)?.[1] ?? '';
  return [...group.matchAll(/ d="M[-\d.]+,[-\d.]+h([\d.]+)/g)].map((match) => Number(match[1]));
}

describe('lineChart', () => {
  it('draws a line per series with titles, units and names', async () => {
    const svg = await lineChart({ title: 'Test error', x, y, series });
    expect(svg).toMatch(
      /^<svg role="img" aria-label="Test error\. test error \(%\) against epoch for end to end, MAN &lt;&amp;&quot;&#39;&gt; ☃"/,
    );
    expect(texts(svg)).toEqual(expect.arrayContaining(['Test error', 'test error (%)', 'epoch', '1', '2', '3', 'end to end']));
    expect(svg).toContain('MAN &lt;&amp;');
    expect(lines(svg)).toHaveLength(2);
    expect(svg).toContain(`stroke="${PALETTE[0]}"`);
    expect(svg).toContain(`stroke="${PALETTE[1]}"`);
    expect(svg).not.toMatch(/<script|<style|href=|undefined|NaN/);
  });

  it('puts values where the axis says: the axis spans round numbers', async () => {
    const svg = await lineChart({
      title: 't',
      x,
      y,
      series: [
        {
          label: 'a',
          points: [
            [0, 13],
            [10, 87],
          ],
        },
      ],
      height: 200,
      width: 100,
    });
    const ticks = texts(svg).filter((text) => /^\d+$/.test(text));
    expect(ticks).toEqual(expect.arrayContaining(['0', '20', '40', '60', '80', '100']));
    // 13 of 0…100 on 200 pixels, from the top.
    expect(lines(svg)[0]).toBe('M0,174L100,26');
  });

  it('is the same text for the same input', async () => {
    const chart = { title: 't', x, y, series };
    expect(await lineChart(chart)).toBe(await lineChart(chart));
  });

  it('breaks a line at values that are not numbers, and ends it there', async () => {
    const points = [
      [1, 3],
      [2, 2],
      [3, Number.NaN],
      [4, 2],
      [5, 1],
      [6, null],
    ] as const;
    const svg = await lineChart({ title: 't', x, y, series: [{ label: 'a', points }] });
    expect(lines(svg)[0]?.match(/M/g)).toHaveLength(2);
    expect(svg).not.toContain('NaN');
  });

  it.each([
    ['no series', []],
    ['no points', [{ label: 'a', points: [] }]],
    [
      'nothing finite',
      [
        {
          label: 'a',
          points: [
            [1, Number.NaN],
            [2, null],
          ] as const,
        },
      ],
    ],
  ])('says that there are no data: %s', async (_, empty) => {
    const svg = await lineChart({ title: 'Empty', x, y, series: empty });
    expect(texts(svg)).toEqual(expect.arrayContaining(['no data', 'Empty']));
  });

  it('draws one point, constant lines, tiny and huge values', async () => {
    for (const points of [
      [[1, 0.5]],
      [
        [1, 0],
        [2, 0],
      ],
      [
        [1, 1e-12],
        [2, 3e-12],
      ],
      [
        [1, -1e15],
        [2, 1e15],
      ],
    ] as [number, number][][]) {
      const svg = await lineChart({ title: 't', x, y, series: [{ label: 'a', points }] });
      expect(lines(svg)).toHaveLength(1);
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });

  it('leaves out of a logarithmic axis what it cannot show', async () => {
    const logs = { title: 'loss', scale: 'log' } as const;
    const svg = await lineChart({
      title: 't',
      x,
      y: logs,
      series: [
        {
          label: 'a',
          points: [
            [1, 0],
            [2, 0.01],
            [3, 1],
            [4, -1],
          ],
        },
      ],
      height: 100,
    });
    expect(lines(svg)[0]).toMatch(/^M[\d.]+,100L[\d.]+,0$/);
  });

  it('keeps the console silent', async () => {
    const spies = (['log', 'warn', 'error', 'info', 'debug'] as const).map((method) => vi.spyOn(console, method));
    await lineChart({
      title: 't',
      x,
      y: { title: 'l', scale: 'log' },
      series: [
        {
          label: 'a',
          points: [
            [1, 0],
            [2, 3],
          ],
        },
      ],
    });
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it('names the chart that cannot be drawn', async () => {
    const error = await draw('odd', '', { mark: { type: 'line' }, encoding: 7, data: 3, layer: 1, width: {} }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isManError(error, 'MAN_TRACK_CHART_FAILED')).toBe(true);
    expect((error as Error).message).toContain('"odd"');
  });
});

describe('spread', () => {
  it('moves labels apart, keeps their order and stays within the plot', () => {
    expect(spread([10, 50], 15, 100)).toEqual([10, 50]);
    expect(spread([50, 50, 50], 15, 100)).toEqual([50, 65, 80]);
    expect(spread([99, 98, 97], 15, 100)).toEqual([100, 85, 70]);
    expect(spread([], 15, 100)).toEqual([]);
    const many = spread(Array(20).fill(10), 15, 100);
    for (let i = 1; i < many.length; i++) expect((many[i] as number) - (many[i - 1] as number)).toBeGreaterThanOrEqual(15);
  });
});

describe('barChart', () => {
  it('draws bars from zero with label and text', async () => {
    const bars = [
      { label: 'end to end', value: 200, text: '200 MB' },
      { label: 'MAN', value: 100 },
      { label: 'unknown', value: null },
    ];
    const svg = await barChart({ title: 'Memory', x: { title: 'peak', unit: 'MB' }, bars });
    expect(svg).toMatch(/aria-label="Memory\. end to end: 200 MB; MAN: 100; unknown: –"/);
    expect(texts(svg)).toEqual(expect.arrayContaining(['end to end', 'MAN', 'unknown', '200 MB', '100', '–', 'peak (MB)', 'Memory']));
    const [first, second, none] = barWidths(svg) as [number, number, number];
    expect(first).toBeCloseTo(2 * second, 6);
    expect(none).toBe(0);
  });

  it('takes hostile labels, equal labels and no bars', async () => {
    const label = `"] + alert(1) + ["\\\n</svg><script>'☃`;
    const svg = await barChart({
      title: label,
      x,
      bars: [
        { label, value: 1 },
        { label, value: 2 },
      ],
    });
    expect(svg).not.toContain('<script');
    expect(texts(svg).filter((text) => text.includes('alert(1)'))).toHaveLength(3);
    expect(await barChart({ title: 't', x, bars: [] })).toContain('<svg');
  });
});
