import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));
/** Any Chromium: Debian's, unless CHROMIUM names another. */
const browserFile = process.env.CHROMIUM ?? '/usr/bin/chromium';
const missing = existsSync(browserFile) ? '' : ` (skipped: no browser at ${browserFile}; name one with CHROMIUM)`;

let folder: string;
let server: ChildProcess | undefined;
let browser: Browser | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-watch-'));
});
afterEach(async () => {
  await browser?.close();
  browser = undefined;
  server?.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});
afterAll(() => server?.kill('SIGKILL'));

const blocks = 16;
const line = (run: string, event: object) => {
  mkdirSync(join(folder, run), { recursive: true });
  appendFileSync(join(folder, run, 'events.jsonl'), `${JSON.stringify(event)}\n`);
};
const start = (run: string, steps = 0) =>
  line(run, { type: 'start', time: new Date().toISOString(), header: {}, seed: 1, blocks, epoch: 0, steps });
const step = (run: string, at: number) => {
  const loss = Array.from({ length: blocks }, (_, i) => 2 + i / 10 + 1 / at);
  line(run, { type: 'step', step: at, epoch: 1, examples: 128, learningRate: 0.1, loss, accuracy: loss.map(() => null) });
};
const epoch = (run: string, number: number, epochs: number) =>
  line(run, {
    type: 'epoch',
    time: new Date().toISOString(),
    epoch: number,
    epochs,
    blocks: [],
    evaluation: { accuracy: 0.5 },
    imagesPerSecond: 250,
    peakTensorBytes: 2e8,
  });

async function serve(): Promise<string> {
  server = spawn(process.execPath, [PROGRAM, 'watch', folder, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of server.stdout!) return String(text).trim();
  throw new Error('no address');
}

/**
 * Bytes that the process takes beside a training run, and seconds of processor time so far. Bytes are proportional ones: pages of Node's own
 * program are shared with the run.
 */
function cost(pid: number): { bytes: number; resident: number; seconds: number } {
  const kilobytes = (file: string, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))![1]);
  const [bytes, resident] = [kilobytes('smaps_rollup', 'Pss') * 1024, kilobytes('status', 'VmRSS') * 1024];
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return { bytes, resident, seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
}

describe.skipIf(missing !== '')(`the live page in a browser${missing}`, () => {
  it('draws runs over one another, follows them, survives their end and their return, and costs little', async () => {
    for (const run of ['a', '2025/b']) {
      start(run);
      for (let at = 1; at <= 4000; at++) step(run, at);
      epoch(run, 1, 2);
    }
    const url = await serve();
    browser = await chromium.launch({ executablePath: browserFile, args: ['--no-sandbox'] });
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && !message.text().includes('favicon') && problems.push(message.text()));
    await page.goto(url);
    // By locators: the page's own policy forbids what evaluates text.
    const shows = (text: string) => expect.poll(() => page.locator('[data-run="a"]').textContent(), { timeout: 20_000 }).toContain(text);
    await expect.poll(() => page.locator('#losses canvas').count(), { timeout: 20_000 }).toBe(16);
    expect(await page.locator('#epochs canvas').count()).toBe(3);
    expect(await page.locator('#runs tr').allTextContents()).toEqual([
      expect.stringContaining('2025/b'),
      expect.stringContaining('running1/24000'),
    ]);
    // Something is drawn: a line has colour, and both runs have theirs.
    const colors = await page.evaluate<number>(`(() => {
      const canvas = document.querySelector('#losses canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) { const k = [data[i], data[i + 1], data[i + 2]]; if (Math.max(...k) - Math.min(...k) > 60) seen.add(k.join()); }
      return seen.size;
    })()`);
    expect(colors).toBeGreaterThanOrEqual(1);

    // A training run of ten steps a second, for twenty seconds.
    const { pid } = server as { pid: number };
    const before = cost(pid);
    let at = 4000;
    for (let i = 0; i < 200; i++) {
      step('a', ++at);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const after = cost(pid);
    const share = (after.seconds - before.seconds) / 20;
    console.log(
      `watch: ${(after.bytes / 1e6).toFixed(1)} MB, ${(after.resident / 1e6).toFixed(1)} MB with what Node shares, ${(100 * share).toFixed(2)} % of a core`,
    );
    expect(after.bytes).toBeLessThan(50e6);
    expect(share).toBeLessThan(0.01);

    await shows('4200');
    epoch('a', 2, 2);
    await shows('done');
    start('a', 4100);
    step('a', 4101);
    await shows('4101');
    rmSync(join(folder, 'a'), { recursive: true });
    await expect.poll(() => page.locator('[data-run="a"]').count(), { timeout: 20_000 }).toBe(0);
    expect(problems).toEqual([]);

    // Another page of the same browser cannot read it.
    const foreign = await browser.newPage();
    await foreign.goto('about:blank');
    expect(await foreign.evaluate(`fetch(${JSON.stringify(url)} + 'events').then(() => 'read', () => 'refused')`)).toBe('refused');
  });
});
