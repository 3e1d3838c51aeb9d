import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EpochReport, ProgressReport, Run, StepInfo } from '@man/core';
import { type Profile, relu, span, useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { profile, profileTable } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'man-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => useEngine('cpu'));

const step = () => span('step', () => tf.tidy(() => void relu(tf.ones([4, 3]))));
const info = {} as StepInfo;

it('records the steps after the first ones and writes a trace that viewers read', async () => {
  const file = join(folder, 'profile.json');
  const done: { found: Profile; steps: number }[] = [];
  const plugin = profile({ file, skip: 1, steps: 2, onDone: (found, steps) => done.push({ found, steps }) });
  await plugin.setup?.({} as Run);
  for (let i = 0; i < 5; i++) {
    step();
    plugin.afterStep?.(info);
  }
  await plugin.onProgress?.({} as ProgressReport);
  expect(done.map(({ steps }) => steps)).toEqual([2]);
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: Record<string, unknown>[] };
  const kernels = traceEvents.filter(({ name }) => name === 'ManRelu');
  expect(kernels).toHaveLength(2);
  expect(kernels[0]).toMatchObject({ ph: 'X', cat: 'kernel', args: { bytes: 48, shapes: '4×3' } });
  for (const { ts, dur, pid, tid } of traceEvents) {
    expect([typeof ts, typeof dur]).toEqual(['number', 'number']);
    expect([pid, tid]).toEqual([1, 1]);
  }
  const table = profileTable(done[0]!.found, 2);
  expect(table).toMatch(/operation +calls +total ms +own ms +share +results/);
  expect(table).toMatch(/ManRelu +1 /);
});

it('writes what there is when the run ends earlier, and nothing when it never came to it', async () => {
  const done: number[] = [];
  const short = profile({ file: join(folder, 'short.json'), skip: 1, steps: 9, onDone: (_, steps) => done.push(steps) });
  await short.setup?.({} as Run);
  for (let i = 0; i < 3; i++) {
    step();
    short.afterStep?.(info);
  }
  await short.onEpochEnd?.({} as EpochReport);
  expect(done).toEqual([2]);
  const never = profile({ file: join(folder, 'never.json'), skip: 5, onDone: () => done.push(0) });
  await never.setup?.({} as Run);
  step();
  never.afterStep?.(info);
  await never.onEpochEnd?.({} as EpochReport);
  never.dispose?.();
  expect(done).toEqual([2]);
});

it('refuses numbers of steps that are none', () => {
  expect(() => profile({ file: 'x', steps: 0 })).toThrow(expect.objectContaining({ code: 'MAN_TRACK_BAD_OPTION' }));
  expect(() => profile({ file: 'x', skip: -1 })).toThrow(expect.objectContaining({ code: 'MAN_TRACK_BAD_OPTION' }));
});
