import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeEvent, type RunEvent, stepEvent } from './events.ts';
import { epochReport, stepMetrics } from './test-reports.ts';
import { type Watch, watch } from './watch.ts';
import { type LiveRun, RunFollower } from './watch-run.ts';

let folder: string;
let page: Watch | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-watch-'));
  mkdirSync(join(folder, 'a'));
});
afterEach(async () => {
  await page?.close();
  page = undefined;
  rmSync(folder, { recursive: true });
});

const time = '2025-01-02T03:04:05.000Z';
const file = () => join(folder, 'a', 'events.jsonl');
const start = (steps = 0): RunEvent => ({ type: 'start', time, header: {}, seed: 1, blocks: 2, epoch: 0, steps });
const add = (...events: RunEvent[]) => appendFileSync(file(), events.map(encodeEvent).join(''));
const steps = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => stepEvent(stepMetrics(from + i)));

describe('RunFollower', () => {
  it('reads only what is new, half lines and characters of several bytes included', () => {
    const run = new RunFollower(file(), 'a');
    expect(run.poll()).toBe(false);
    add(start(), ...steps(1, 2));
    expect([run.poll(), run.poll()]).toEqual([true, false]);
    const line = Buffer.from(encodeEvent({ type: 'error', time, message: 'zu heiß ☃' }));
    const cut = line.indexOf(0xe2) + 1;
    appendFileSync(file(), line.subarray(0, cut));
    run.poll();
    expect(run.snapshot()).toMatchObject({
      blocks: 2,
      step: 2,
      state: 'running',
      losses: [
        [1, 2.5, 2],
        [2, 1.25, 1],
      ],
    });
    appendFileSync(file(), line.subarray(cut));
    run.poll();
    expect(run.snapshot()).toMatchObject({ state: 'failed', problem: 'zu heiß ☃' });
  });

  it('follows a run that is resumed, and a file that begins anew', () => {
    const run = new RunFollower(file(), 'a');
    add(start(), ...steps(1, 5), { type: 'epoch', time, ...epochReport({ epoch: 1, epochs: 2 }) }, ...steps(6, 9));
    run.poll();
    expect(run.snapshot()).toMatchObject({ step: 9, epoch: 1, epochs: 2, epochRows: [[5, 0.4812, 1240.2, 45_600_000]] });
    // A killed run's half line, then one that goes on behind step 7.
    appendFileSync(file(), '{"type":"st\n');
    add(start(7), ...steps(8, 10), { type: 'epoch', time, ...epochReport({ epoch: 2, epochs: 2 }) });
    run.poll();
    expect(run.snapshot().losses.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(run.snapshot().state).toBe('done');
    writeFileSync(`${file()}.new`, [start(), ...steps(1, 3)].map(encodeEvent).join(''));
    renameSync(`${file()}.new`, file());
    run.poll();
    expect(run.snapshot()).toMatchObject({ step: 3, epochRows: [], state: 'running' });
  });

  it('keeps long curves short without losing their means', () => {
    const run = new RunFollower(file(), 'a');
    add(start(), ...steps(1, 5000).map((event) => ({ ...event, loss: [3, (event as { step: number }).step] })));
    run.poll();
    const { losses } = run.snapshot();
    expect(losses.length).toBeGreaterThan(300);
    expect(losses.length).toBeLessThanOrEqual(801);
    expect(losses.every(([, first]) => first === 3)).toBe(true);
    // Each row is the mean over the steps since the one before.
    const [step, , mean] = losses[10] as [number, number, number];
    const before = losses[9]![0] as number;
    expect(mean).toBeCloseTo((before + 1 + step) / 2, 1);
    expect(losses.at(-1)![0]).toBe(5000);
  });
});

/** The answer to a request with headers that `fetch` would not send. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const { hostname, port } = new URL(page!.url);
    const asked = request({ hostname, port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    asked.on('error', reject).end();
  });

/** Runs as a page sees them, until `enough`. */
async function listen(enough: (run: LiveRun) => boolean): Promise<LiveRun> {
  const response = await fetch(`${page!.url}events`);
  let text = '';
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk as Uint8Array).toString();
    const messages = text.split('\n\n');
    text = messages.pop()!;
    for (const message of messages) {
      const data = /^event: run\ndata: (.*)$/s.exec(message)?.[1];
      if (data !== undefined && enough(JSON.parse(data) as LiveRun)) return JSON.parse(data) as LiveRun;
    }
  }
  throw new Error('the stream ended');
}

describe('watch', () => {
  it('sends runs as they are, as they grow, and as they appear', async () => {
    add(start(), ...steps(1, 3));
    page = await watch({ folder, port: 0, everyMs: 20 });
    expect(await listen(({ step }) => step === 3)).toMatchObject({ id: 'a', blocks: 2, losses: [[1, 2.5, 2], {}, {}] });
    const grown = listen(({ step }) => step === 5);
    const other = listen(({ id }) => id === join('2025', 'b'));
    setTimeout(() => {
      add(...steps(4, 5));
      mkdirSync(join(folder, '2025', 'b'), { recursive: true });
      writeFileSync(join(folder, '2025', 'b', 'events.jsonl'), encodeEvent(start()));
    }, 60);
    expect((await grown).losses).toHaveLength(5);
    expect((await other).blocks).toBe(2);
  });

  it('answers its own host and origin only', async () => {
    page = await watch({ folder, port: 0 });
    const { host } = new URL(page.url);
    const status = async (headers: Record<string, string>, method?: string) => (await ask('/', headers, method)).status;
    expect(await status({ host })).toBe(200);
    expect(await status({ host: host.replace('127.0.0.1', 'localhost') })).toBe(200);
    expect(await status({ host, origin: `http://${host}` })).toBe(200);
    expect(await status({ host: 'evil.example' })).toBe(403);
    expect(await status({ host: `evil.example:${host.split(':')[1]}` })).toBe(403);
    expect(await status({ host, origin: 'http://evil.example' })).toBe(403);
    expect(await status({ host, origin: 'null' })).toBe(403);
    expect(await status({ host, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await status({ host }, 'POST')).toBe(405);
    expect((await ask('/events', { host: 'evil.example' })).status).toBe(403);
  });

  it('serves a page that loads from itself only, and nothing else of the disk', async () => {
    page = await watch({ folder, port: 0 });
    const { headers, text } = await ask('/');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect([...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)).toEqual([
      '/uplot.css',
      '/watch.css',
      '/uplot.js',
      '/watch.js',
    ]);
    for (const path of ['/uplot.css', '/watch.css', '/uplot.js', '/watch.js']) expect((await ask(path)).status).toBe(200);
    for (const path of ['/a/events.jsonl', '/../package.json', '/..%2f..%2fetc/passwd', '//']) expect((await ask(path)).status).toBe(404);
  });

  it('says when it cannot listen, and checks its options', async () => {
    page = await watch({ folder, port: 0 });
    const port = Number(new URL(page.url).port);
    const codeOf = (options: Parameters<typeof watch>[0]) =>
      watch(options).then(
        () => null,
        (error: unknown) => (isManError(error) ? error.code : error),
      );
    expect(await codeOf({ folder, port })).toBe('MAN_TRACK_PORT');
    expect(await codeOf({ folder, port: 70_000 })).toBe('MAN_TRACK_BAD_OPTION');
    expect(await codeOf({ folder: '' })).toBe('MAN_TRACK_BAD_OPTION');
  });
});
