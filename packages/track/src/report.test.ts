import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Report, renderReport, writeReport } from './report.ts';
import { byteUnit } from './report-tables.ts';
import { type RunSummary, summarise } from './run-summary.ts';
import { blocksOf, epochReport } from './test-reports.ts';

function run(name: string, label: string, blocks: number, error: number, memory: number, changes: Partial<RunSummary> = {}): RunSummary {
  const losses = Array.from({ length: blocks }, (_, i) => 2 - i / blocks);
  const reports = [1, 2, 3].map((epoch) =>
    epochReport({
      epoch,
      blocks: blocksOf(losses.map((loss) => loss / epoch)),
      evaluation: { examples: 100, accuracy: 1 - error * (4 - epoch), top5Accuracy: 1, loss: 1, seconds: 1 },
      peakTensorBytes: memory,
    }),
  );
  return { ...summarise(reports, { name, label, parameters: 466_906, seed: 7 }), ...changes };
}

const report: Report = {
  title: 'Small study',
  summary: ['MAN helps.', 'A second sentence.'],
  runs: [run('e2e', 'End to end', 1, 0.06, 640e6), run('man', 'InfoPro + MAN', 4, 0.08, 160e6, { interrupted: true, plannedEpochs: 10 })],
  baseline: 'e2e',
  columns: [{ heading: 'Paper', unit: '%', values: { e2e: '6.41' } }],
  tables: [
    {
      title: 'Claims',
      columns: ['claim', 'points'],
      rows: [
        ['holds', 1.5],
        ['open', null],
      ],
      caption: 'Checked.',
    },
  ],
  configuration: 'loss: infopro\n',
  environment: { node: 'v20', cores: 8, gpu: null },
  notes: ['One seed.'],
  date: '2025-01-02',
};

/** Tags that are opened and not closed, or the other way round. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const problems: string[] = [];
  for (const [, closing, tag, selfClosed] of html.matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
    if (selfClosed === '/' || tag === 'meta') continue;
    if (closing === '') open.push(tag as string);
    else if (open.pop() !== tag) problems.push(tag as string);
  }
  return [...problems, ...open];
}

function cells(html: string, row: string): string[] {
  const found = html.match(new RegExp(`<tr><th scope="row">${row}.*?</tr>`))?.[0] ?? '';
  return [...found.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map((match) => match[1] as string);
}

describe('renderReport', () => {
  it('shows results with units, the best marked and memory compared', async () => {
    const html = await renderReport(report);
    expect(cells(html, 'End to end')).toEqual(['1', '3', '6.00', '6.00 (3)', '6.41', '0.667', '640', '1,240', '37.0 s']);
    expect(cells(html, 'InfoPro')).toEqual(['4', '3 of 10', '8.00', '8.00 (3)', '–', '0.417', '160 (−75 %)', '1,240', '37.0 s']);
    expect(html).toContain('<td class="number best">6.00</td>');
    expect(html).toContain('<td class="number best">160 (−75 %)</td>');
    expect(html).toMatch(/Test error <span class="unit">%<\/span>/);
    expect(html).toMatch(/Peak tensor memory <span class="unit">MB<\/span>/);
    expect(html).toContain('<span class="state">interrupted</span>');
    expect(html).toContain('Parameters: 466,906 in all runs. Seed: 7 in all runs.');
  });

  it('is one whole page: headings, figures, tables, nothing from elsewhere, no script', async () => {
    const html = await renderReport(report);
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).toContain('<title>Small study</title>');
    expect([...html.matchAll(/<h([12])>(.*?)<\/h\1>/g)].map((match) => `${match[1]} ${match[2]}`)).toEqual([
      '1 Small study',
      '2 Results',
      '2 Training',
      '2 Memory and speed',
      '2 Local losses',
      '2 Claims',
      '2 Notes',
      '2 Environment',
      '2 Configuration',
    ]);
    // Error, loss, memory, speed, and local losses of the only run that has several blocks.
    expect(html.match(/<figure>/g)).toHaveLength(5);
    expect(html.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(5);
    expect(html.match(/<th[ >]/g)?.length).toBe(html.match(/<th scope="(?:col|row)"/g)?.length);
    expect(html.replaceAll(/ xmlns(?::xlink)?="http:\/\/www\.w3\.org\/[^"]*"/g, '')).not.toMatch(
      /https?:|<script|<link|<img|url\(|@import|src=|href=/,
    );
    expect(html).toContain('prefers-color-scheme: dark');
    expect(unbalanced(html.slice(html.indexOf('<body>'), html.indexOf('</html>')))).toEqual([]);
    expect(html).not.toMatch(/undefined|NaN|\[object/);
  });

  it('is the same page for the same report, and survives JSON', async () => {
    expect(await renderReport(JSON.parse(JSON.stringify(report)) as Report)).toBe(await renderReport(report));
  });

  it('escapes every text of the caller', async () => {
    const evil = `</pre></td></title></style><script>alert(1)</script><img src=x onerror="alert(1)" ' ] & \u0000\ud800`;
    const hostile: Report = {
      title: evil,
      summary: evil,
      runs: [run(evil, evil, 3, 0.1, 1e6, { seed: evil }), run('b', evil, 3, 0.1, 2e6, { interrupted: true })],
      baseline: evil,
      columns: [{ heading: evil, unit: evil, values: { [evil]: evil } }],
      tables: [{ title: evil, columns: [evil], rows: [[evil]], caption: evil }],
      configuration: evil,
      environment: { [evil]: evil },
      notes: [evil],
      date: evil,
    };
    const html = await renderReport(hostile);
    expect(html).not.toMatch(/<script|<img|<\/pre><\/td>/);
    expect(html.match(/<\/style>/g)).toHaveLength(1);
    expect(html.match(/<title>/g)).toHaveLength(1);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(unbalanced(html.slice(html.indexOf('<body>'), html.indexOf('</html>')))).toEqual([]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it must not be there
    expect(html).not.toMatch(/\u0000|\p{Surrogate}/u);
  });

  it('shows a single run of one block, a run that diverged, and no runs at all', async () => {
    const single = await renderReport({ title: 't', runs: [run('a', 'A', 1, 0.1, 1e6)] });
    expect(single).not.toMatch(/Local losses|Bold|class="number best"/);
    const diverged = summarise([epochReport({ blocks: blocksOf([Number.NaN, Number.NaN], Number.NaN), evaluation: null })], {
      name: 'nan',
    });
    const html = await renderReport({ title: 't', runs: [diverged] });
    expect(html).not.toMatch(/NaN|Infinity/);
    expect(html).not.toContain('>Test error</');
    const none = await renderReport({ title: 't', runs: [] });
    expect(none).toContain('There are no runs to report.');
    expect(none).not.toContain('<figure>');
    const empty = await renderReport({ title: 't', runs: [summarise([], { name: 'empty' })] });
    expect(empty).toContain('interrupted');
  });

  it('writes configuration data as JSON', async () => {
    const html = await renderReport({ title: 't', runs: [], configuration: { optim: { lr: 0.1 } } });
    expect(html).toContain('{\n  &quot;optim&quot;: {\n    &quot;lr&quot;: 0.1\n  }\n}');
  });
});

describe('byteUnit', () => {
  it('chooses one unit for all', () => {
    expect(byteUnit([640e6, 1e6]).text(1e6)).toBe('1');
    expect(byteUnit([12.34e9, null])).toMatchObject({ unit: 'GB' });
    expect(byteUnit([12.34e9]).text(12.34e9)).toBe('12.3');
    expect(byteUnit([2345e6]).text(2345e6)).toBe('2,345');
    expect(byteUnit([]).unit).toBe('kB');
  });
});

describe('writeReport', () => {
  it('writes the page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'man-report-'));
    await writeReport(join(folder, 'report.html'), report);
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toBe(await renderReport(report));
    await rm(folder, { recursive: true });
  });
});
