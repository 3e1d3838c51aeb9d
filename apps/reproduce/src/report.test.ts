import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { differences } from './config-differences.ts';
import { findRuns } from './find-runs.ts';
import { report } from './report.ts';
import { exampleResult } from './testing.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-report-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const epoch = (number: number, loss: number) => ({
  type: 'epoch',
  time: '2025-01-02T03:04:05.000Z',
  epoch: number,
  epochs: 4,
  learningRate: 0.1,
  batches: 2,
  examples: 256,
  blocks: [{ loss, terms: {}, accuracy: 0.5 }],
  evaluation: { examples: 10, accuracy: number / 10, top5Accuracy: 1, loss, seconds: 1 },
  seconds: 2,
  imagesPerSecond: 128,
  waiting: 0,
  peakTensorBytes: 1e8,
});

/** A finished run, and one that was killed and resumed behind its first epoch. */
function runs(): void {
  for (const name of ['e2e', 'killed']) mkdirSync(join(folder, 'day', name), { recursive: true });
  const first = join(folder, 'day', 'e2e');
  const numbers = { epoch: 1, trainLoss: 1.5, trainAccuracy: 0.5, testLoss: 1, testAccuracy: 0.6, blockLosses: [1.5], seconds: 30 };
  const epochs = [{ ...numbers, imagesPerSecond: 250, peakTensorBytes: 2e8, learningRate: 0.1 }];
  writeFileSync(join(first, 'summary.json'), JSON.stringify(exampleResult({ epochs })));
  writeFileSync(join(first, 'config.yaml'), 'seed: 1\nloss:\n  type: e2e\nrun:\n  dir: x\n');
  writeFileSync(join(first, 'overrides.txt'), "loss=e2e\nrun.dir=x\nrun.label='a b'\n");
  const second = join(folder, 'day', 'killed');
  const start = (done: number) => ({
    type: 'start',
    time: '',
    header: { engine: 'TensorFlow' },
    seed: 1,
    blocks: 1,
    epoch: done,
    steps: 2 * done,
  });
  const events = [start(0), epoch(1, 2), epoch(2, 9), start(1), epoch(2, 1.5)];
  writeFileSync(join(second, 'events.jsonl'), `${events.map((event) => JSON.stringify(event)).join('\n')}\n{"type":"st`);
  writeFileSync(join(second, 'config.yaml'), 'seed: 1\nloss:\n  type: infopro\n  head: 1c2f\nrun:\n  dir: y\n');
  writeFileSync(join(second, 'overrides.txt'), 'loss=infopro\n');
}

describe('findRuns', () => {
  it('finds finished and killed runs below folders, each once', async () => {
    runs();
    const found = await findRuns([folder, join(folder, 'day', 'e2e')]);
    expect(found.map(({ summary }) => [summary.name, summary.interrupted])).toEqual([
      ['e2e', false],
      ['killed', true],
    ]);
    expect(found[0]?.command).toBe("man-reproduce train loss=e2e 'run.label='\\''a b'\\'''");
    expect(found[1]?.summary).toMatchObject({ plannedEpochs: 4, engine: 'TensorFlow', final: { testAccuracy: 0.2, trainLoss: 1.5 } });
  });

  it('says where there is none', async () => {
    await expect(findRuns([folder])).rejects.toMatchObject({ code: 'MAN_REPRODUCE_NO_RUNS' });
    await expect(findRuns([join(folder, 'nowhere')])).rejects.toMatchObject({ code: 'MAN_REPRODUCE_NO_RUNS' });
  });
});

describe('differences', () => {
  it('are values that are not the same, by dotted key', () => {
    expect(differences(['a: 1\nb: {c: [1, 2], d: x}', 'a: 1\nb: {c: [1, 3]}', null])).toEqual([
      { key: 'a', values: ['1', '1', null] },
      { key: 'b.c', values: ['[1,2]', '[1,3]', null] },
      { key: 'b.d', values: ['x', null, null] },
    ]);
    expect(differences(['a: 1', 'a: 1'])).toEqual([]);
    expect(differences(['a: [', 'a: 1'])).toEqual([{ key: 'a', values: [null, '1'] }]);
  });
});

describe('report', () => {
  it('writes one page without other files, and Markdown with the same', { timeout: 60_000 }, async () => {
    runs();
    let printed = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const [out, markdown] = [join(folder, 'r.html'), join(folder, 'r.md')];
    expect(await report([folder], { out, markdown, title: null, paper: false })).toBe(0);
    const page = readFileSync(out, 'utf8');
    expect(page).toContain('<svg');
    expect(page).not.toMatch(/<script|<link|https?:\/\/(?!www\.w3\.org)/);
    for (const text of ['loss.head', 'man-reproduce train loss=infopro', 'killed']) expect(page).toContain(text);
    expect(readFileSync(markdown, 'utf8')).toBe(printed);
    expect(printed).toMatch(/\| loss\.type +\| e2e +\| infopro +\|/);
    expect(printed).toContain('killed (unfinished)');
    expect(printed).not.toContain('run.dir');
  });
});
