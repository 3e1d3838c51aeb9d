import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import type { TrainerPlugin } from '@man/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { csv, type ProgressOptions, progress, tensorboard } from './index.ts';
import { epochReport, exampleRun, progressReport, stepMetrics } from './test-reports.ts';
import { crc32c, encodeRecord } from './tfevents.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-sinks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const codeOf = async (f: () => unknown) => {
  try {
    await f();
    return null;
  } catch (error) {
    return isManError(error) ? error.code : error;
  }
};

describe('csv', () => {
  const file = () => join(folder, 'deep', 'table.csv');
  const lines = () => readFileSync(file(), 'utf8').split('\n');
  /** A run of two blocks from `done` epochs and steps on. */
  const write = async (plugin: TrainerPlugin, done: number, numbers: readonly number[]) => {
    await plugin.setup?.(exampleRun(2, { epoch: done, steps: done }));
    for (const number of numbers) {
      await plugin.onProgress?.(progressReport({ steps: [stepMetrics(number)] }));
      await plugin.onEpochEnd?.(epochReport({ epoch: number, blocks: stepMetrics(number).blocks }));
    }
    plugin.dispose?.();
  };

  it('has a row per epoch, or per step', async () => {
    await write(csv({ file: file() }), 0, [1, 2]);
    expect(lines()).toEqual([
      'epoch,learning_rate,loss_1,loss_2,accuracy_1,accuracy_2,test_accuracy,test_loss,seconds,images_per_second,waiting,peak_tensor_bytes',
      '1,0.1,2.5,2,,0.5,0.4812,1.31,12.34,1240.2,0,45600000',
      '2,0.1,1.25,1,,0.5,0.4812,1.31,12.34,1240.2,0,45600000',
      '',
    ]);
    rmSync(file());
    await write(csv({ file: file(), rows: 'step' }), 0, [1]);
    expect(lines()).toEqual(['step,epoch,learning_rate,examples,loss_1,loss_2,accuracy_1,accuracy_2', '1,1,0.1,128,2.5,2,,0.5', '']);
  });

  it('goes on in a resumed run: without half a row, and without rows that are done again', async () => {
    await write(csv({ file: file() }), 0, [1, 2, 3]);
    const whole = lines();
    appendFileSync(file(), '4,0.1,2');
    await write(csv({ file: file() }), 3, []);
    expect(lines()).toEqual(whole);
    await write(csv({ file: file() }), 1, [2, 3]);
    expect(lines()).toEqual(whole);
    await write(csv({ file: file() }), 0, []);
    expect(lines()).toHaveLength(2);
  });

  it('writes what is not finite as other programs read it', async () => {
    const plugin = csv({ file: file() });
    await plugin.setup?.(exampleRun(1));
    await plugin.onEpochEnd?.(
      epochReport({ blocks: [{ loss: Number.NaN, terms: {}, accuracy: null }], evaluation: null, seconds: Infinity }),
    );
    expect(lines()[1]).toBe('2,0.1,nan,,,,inf,1240.2,0,45600000');
  });

  it('leaves a file alone that holds something else', async () => {
    const plugin = csv({ file: join(folder, 'notes.csv') });
    writeFileSync(join(folder, 'notes.csv'), 'name,phone\n');
    expect(await codeOf(() => plugin.setup?.(exampleRun()))).toBe('MAN_TRACK_CSV_FOREIGN');
    expect(readFileSync(join(folder, 'notes.csv'), 'utf8')).toBe('name,phone\n');
    expect(await codeOf(() => csv({ file: folder }).setup?.(exampleRun()))).toBe('MAN_TRACK_WRITE_FAILED');
    expect(await codeOf(() => csv({ file: '' }))).toBe('MAN_TRACK_BAD_OPTION');
    expect(await codeOf(() => csv({ file: 'x', rows: 'batch' as 'step' }))).toBe('MAN_TRACK_BAD_OPTION');
  });
});

describe('tensorboard', () => {
  it('writes the bytes that TensorBoard itself writes', () => {
    const wallTime = 1735787045;
    const ours = [
      { step: 0, fileVersion: 'brain.Event:2' },
      { step: 301, isSessionStart: true },
      { step: 70_000, scalars: [['loss/block_1', 2.5] as const, ['learning_rate', 0.1] as const] },
      { step: 2 ** 40, scalars: [['loss/block_1', Infinity] as const] },
    ].map((event) => encodeRecord({ wallTime, ...event }));
    expect(Buffer.concat(ours)).toEqual(readFileSync(new URL('fixtures/tensorboard.tfevents', import.meta.url)));
  });

  it('has the checksum of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });

  it('has a file per process and run, with the losses of all blocks', async () => {
    for (const steps of [0, 2]) {
      const plugin = tensorboard({ folder, clock: () => 1e12 });
      await plugin.setup?.(exampleRun(2, { steps }));
      await plugin.onProgress?.(progressReport({ steps: [stepMetrics(steps + 1), stepMetrics(steps + 2)] }));
      await plugin.onEpochEnd?.(epochReport());
      plugin.dispose?.();
    }
    const files = readdirSync(folder);
    expect(files).toHaveLength(2);
    for (const name of files) {
      expect(name).toMatch(/^events\.out\.tfevents\.1000000000\./);
      const text = readFileSync(join(folder, name), 'latin1');
      for (const tag of ['loss/block_1', 'loss/block_2', 'accuracy/block_2', 'learning_rate', 'test/accuracy', 'memory/peak_tensor_bytes'])
        expect(text).toContain(tag);
    }
    expect(await codeOf(() => tensorboard({ folder: '' }))).toBe('MAN_TRACK_BAD_OPTION');
    expect(await codeOf(() => tensorboard({ folder: '/proc/nowhere' }).setup?.(exampleRun()))).toBe('MAN_TRACK_WRITE_FAILED');
  });
});

describe('progress', () => {
  const shown = (mode: NonNullable<ProgressOptions['mode']>, isTTY: boolean) => {
    let written = '';
    const plugin = progress({ mode, stream: { isTTY, columns: 160, write: (text) => (written += text) }, env: {} });
    plugin.onProgress?.(progressReport({ steps: [stepMetrics(30)] }));
    plugin.onEpochEnd?.(epochReport({ seconds: Number.NaN }));
    plugin.onFitEnd?.({ epochs: [epochReport()], interrupted: false, stoppedBy: null, seconds: 1 });
    return written;
  };

  it('is quiet, JSON, plain or a line when told so', () => {
    expect(shown('quiet', true)).toBe('');
    const events = shown('json', true).trimEnd().split('\n');
    expect(events.map((line) => JSON.parse(line))).toMatchObject([
      { type: 'progress', step: 30, epoch: 2, batch: 10, blocks: [{ loss: 2.1 }, {}, {}, {}], peakTensorBytes: 45_600_000 },
      { type: 'epoch', epoch: 2, evaluation: { accuracy: 0.4812 }, seconds: 'NaN' },
      { type: 'end', epochs: 1, interrupted: false },
    ]);
    expect(shown('plain', true)).not.toContain('\r');
    expect(shown('line', false)).toContain('\r');
    expect(shown('line', false)).not.toContain('\u001b[3');
  });

  it('knows its modes', async () => {
    expect(await codeOf(() => progress({ stream: process.stderr, mode: 'loud' as 'quiet' }))).toBe('MAN_TRACK_BAD_OPTION');
  });
});
