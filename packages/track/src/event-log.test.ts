import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError, ManError } from '@man/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventLog } from './event-log.ts';
import { type RunEvent, readEvents } from './events.ts';
import { blocksOf, epochReport, exampleRun, progressReport, stepMetrics } from './test-reports.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-events-'));
  file = join(folder, 'run', 'events.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const run = exampleRun();
const clock = () => Date.UTC(2025, 0, 2, 3, 4, 5);
const time = '2025-01-02T03:04:05.000Z';

async function events(): Promise<RunEvent[]> {
  const all: RunEvent[] = [];
  for await (const event of readEvents(file)) all.push(event);
  return all;
}

async function thrown(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('eventLog', () => {
  it('keeps the start, every step, every epoch and errors', async () => {
    const log = eventLog({ file, header: { loss: 'infopro', lr: 0.1 }, clock });
    await log.setup?.(run);
    const steps = [stepMetrics(1), stepMetrics(2)];
    await log.onProgress?.(progressReport({ steps }));
    await log.onEpochEnd?.(epochReport());
    await log.onError?.(new ManError('too hot', { code: 'MAN_X', hint: 'cool it' }));
    await log.onError?.('plain');
    log.dispose?.();
    log.dispose?.();
    const [start, one, two, epoch, error, plain] = await events();
    expect(start).toEqual({ type: 'start', time, header: { loss: 'infopro', lr: 0.1 }, seed: 7, blocks: 2, epoch: 0, steps: 0 });
    expect(one).toEqual({
      type: 'step',
      step: 1,
      epoch: 1,
      examples: 128,
      learningRate: 0.1,
      loss: [2.5, 2],
      accuracy: [null, 0.5],
      terms: { total: [2.5, 2] },
    });
    expect(two).toMatchObject({ step: 2, loss: [1.25, 1] });
    expect(epoch).toEqual({ type: 'epoch', time, ...epochReport() });
    expect(error).toMatchObject({ type: 'error', message: 'too hot', code: 'MAN_X', hint: 'cool it' });
    expect(plain).toEqual({ type: 'error', time, message: 'plain' });
  });

  it('has written a report when its hook returns, so a killed run keeps it', async () => {
    const log = eventLog({ file, clock });
    await log.setup?.(run);
    await log.onProgress?.(progressReport({ steps: [stepMetrics(1)] }));
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(2);
    log.dispose?.();
  });

  it('keeps NaN and infinities, terms of some blocks only, and compact numbers', async () => {
    const log = eventLog({ file, clock });
    const blocks = [
      { loss: Number.NaN, terms: { reconstruction: Number.POSITIVE_INFINITY }, accuracy: null },
      { loss: 1 / 3, terms: { 'cross-entropy': 1 / 3 }, accuracy: Math.fround(0.1) },
    ];
    await log.onProgress?.(
      progressReport({ steps: [stepMetrics(1, { blocks }), stepMetrics(2, { blocks: [{ loss: 1, terms: {}, accuracy: 1 }] })] }),
    );
    log.dispose?.();
    const [step, bare] = await events();
    expect(step).toMatchObject({
      loss: [Number.NaN, 0.3333333],
      accuracy: [null, 0.1],
      terms: { reconstruction: [Number.POSITIVE_INFINITY, null], 'cross-entropy': [null, 0.3333333] },
    });
    expect(bare).not.toHaveProperty('terms');
  });

  it('cuts what a killed run left and goes on behind it', async () => {
    const first = eventLog({ file, clock });
    await first.setup?.(run);
    await first.onProgress?.(progressReport({ steps: [stepMetrics(1)] }));
    first.dispose?.();
    // Longer than the piece the tail is searched in.
    for (const torn of ['{"type":"step","st', `{"type":"step","loss":[${'1,'.repeat(100_000)}`, '\0\0\0\0', '{"type":"step",\n']) {
      await appendFile(file, torn);
      const next = eventLog({ file, clock });
      await next.setup?.(run);
      next.dispose?.();
    }
    expect((await events()).map((event) => event.type)).toEqual(['start', 'step', 'start', 'start', 'start', 'start']);
  });

  it('keeps a last line that lacks but its line break', async () => {
    const log = eventLog({ file, clock });
    await log.setup?.(run);
    log.dispose?.();
    await writeFile(file, (await readFile(file, 'utf8')).trimEnd());
    const next = eventLog({ file, clock });
    await next.setup?.(run);
    next.dispose?.();
    expect(await events()).toHaveLength(2);
  });

  it('names the file it cannot write, and lets the error of the run through', async () => {
    await writeFile(join(folder, 'taken'), '');
    const log = eventLog({ file: join(folder, 'taken', 'events.jsonl'), clock });
    const error = await thrown(() => log.setup?.(run));
    expect(isManError(error, 'MAN_TRACK_WRITE_FAILED')).toBe(true);
    expect((error as Error).message).toContain('taken');
    expect(await thrown(() => log.onError?.(new Error('first')))).toBeUndefined();
    expect(isManError(await thrown(() => eventLog({ file: '' })), 'MAN_TRACK_BAD_OPTION')).toBe(true);
  });

  it.runIf(process.platform === 'linux')('reports a full disk', async () => {
    const log = eventLog({ file: '/dev/full', clock });
    const error = await thrown(() => log.setup?.(run));
    expect(isManError(error, 'MAN_TRACK_WRITE_FAILED')).toBe(true);
    expect((error as Error).message).toMatch(/disk is full/);
    log.dispose?.();
    expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
  });
});

describe('readEvents', () => {
  it('passes over an incomplete last line, empty lines and events of later versions', async () => {
    file = join(folder, 'events.jsonl');
    await writeFile(file, '{"type":"start","time":"t"}\n\n{"type":"photograph"}\n{"type":"error","message":"NaN"}\n{"type":"epo');
    expect(await events()).toEqual([
      { type: 'start', time: 't' },
      { type: 'error', message: 'NaN' },
    ]);
  });

  it('names the damaged line when others follow', async () => {
    file = join(folder, 'events.jsonl');
    await writeFile(file, '{"type":"start"}\n{"type":\n{"type":"error"}\n');
    const error = await thrown(events);
    expect(isManError(error, 'MAN_TRACK_EVENTS_DAMAGED')).toBe(true);
    expect((error as Error).message).toContain('events.jsonl:2:');
    await writeFile(file, '[]\n{"type":"error"}\n');
    expect(isManError(await thrown(events), 'MAN_TRACK_EVENTS_DAMAGED')).toBe(true);
  });

  it('names a file that is not there', async () => {
    file = join(folder, 'none.jsonl');
    expect(isManError(await thrown(events), 'MAN_TRACK_READ_FAILED')).toBe(true);
  });

  it('reads lines longer than its buffer, and characters cut by it', async () => {
    file = join(folder, 'events.jsonl');
    const message = 'ä☃'.repeat(70_000);
    await writeFile(file, `{"type":"error","message":"${message}"}\n`.repeat(3));
    const all = await events();
    expect(all).toHaveLength(3);
    for (const event of all) expect((event as { message: string }).message).toBe(message);
  });

  it('keeps a step of 16 blocks below 400 bytes', async () => {
    const log = eventLog({ file, clock });
    const losses = Array.from({ length: 16 }, (_, i) => 2 + Math.sin(i) / 3);
    const blocks = blocksOf(losses).map((each) => ({ ...each, terms: {} }));
    await log.onProgress?.(progressReport({ steps: Array.from({ length: 1000 }, (_, i) => stepMetrics(i + 1, { blocks })) }));
    log.dispose?.();
    expect((await stat(file)).size).toBeLessThan(1000 * 400);
    expect(await events()).toHaveLength(1000);
  });
});
