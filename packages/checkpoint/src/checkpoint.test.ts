import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import type { TrainerPlugin } from '@man/core';
import { weightAverage } from '@man/extras';
import { useEngine } from '@man/ops';
import { writeSafetensors } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type CheckpointOptions,
  checkpoint,
  diffCheckpoints,
  exportTfjs,
  listCheckpoints,
  loadNetwork,
  readCheckpoint,
  resume,
} from './index.ts';
import { live, livesOf } from './kill.ts';
import { tinyBackbone, tinySource, tinyTrainer } from './testing.ts';

let folder: string;
beforeAll(async () => {
  await useEngine('cpu');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = async (f: () => unknown) => {
  try {
    await f();
    return null;
  } catch (error) {
    return isManError(error) ? error.code : error;
  }
};
const names = (path = folder) => readdirSync(path).sort();
const train = async (plugins: readonly TrainerPlugin[], epochs: number, batches = 4) => {
  const trainer = tinyTrainer(plugins);
  await trainer.fit(tinySource(batches), { epochs, evaluate: tinySource(2) });
  return trainer;
};

describe('checkpoint', () => {
  it('saves behind each epoch and keeps the last two', async () => {
    const saved: number[] = [];
    const trainer = await train([checkpoint({ folder, onSave: ({ steps, bytes }) => void (bytes > 500 && saved.push(steps)) })], 3);
    expect(saved).toEqual([4, 8, 12]);
    expect(names()).toEqual(['step-00000008.safetensors', 'step-00000012.safetensors']);
    trainer.dispose();
  });

  it('repeats at most so many steps', async () => {
    for (const [every, readEvery] of [
      [1, 1],
      [3, 1],
      [5, 2],
      [7, 3],
    ] as const) {
      const saved: number[] = [];
      const inner = join(folder, `${every}`);
      const trainer = tinyTrainer([checkpoint({ folder: inner, every, onSave: ({ steps }) => saved.push(steps) })]);
      Object.assign(trainer, { readEvery });
      await trainer.fit(tinySource(20), { epochs: 2 });
      expect(saved.every((step, i) => step - (saved[i - 1] ?? 0) <= every)).toBe(true);
      // And is not saved at every moment without need.
      expect(saved.length).toBeLessThanOrEqual(40 / Math.max(1, every - readEvery));
      trainer.dispose();
    }
  });

  it('keeps the best by a metric as well, without taking space twice', async () => {
    let epoch = 0;
    const losses = [3, 1, 2, 1.5, 4];
    const fake: TrainerPlugin = {
      name: 'fake',
      onEpochEnd: (report) => void Object.assign(report.evaluation!, { loss: losses[epoch++] }),
    };
    const trainer = await train([fake, checkpoint({ folder, keep: { last: 1, best: 2, metric: 'loss' } })], 5, 2);
    expect(names()).toEqual(['step-00000004.best-1.safetensors', 'step-00000008.best-1.5.safetensors', 'step-00000010.safetensors']);
    trainer.dispose();
    const newest = await train([checkpoint({ folder: join(folder, 'n'), keep: { best: 1 } })], 1);
    const [a, b] = names(join(folder, 'n')).map((name) => statSync(join(folder, 'n', name)).ino);
    expect(a).toBe(b);
    newest.dispose();
  });

  it('needs an evaluation to find the best', async () => {
    const trainer = tinyTrainer([checkpoint({ folder, keep: { best: 1 } })]);
    expect(await codeOf(() => trainer.fit(tinySource(2), { epochs: 1 }))).toBe('MAN_CHECKPOINT_METRIC');
  });

  it('checks its options', async () => {
    for (const options of [
      { folder: '' },
      { folder, every: 0 },
      { folder, keep: { last: 0 } },
      { folder, keep: { best: -1 } },
      { folder, keep: { metric: 'f1' } },
    ])
      expect(await codeOf(() => checkpoint(options as CheckpointOptions))).toBe('MAN_CHECKPOINT_OPTION');
  });
});

describe('resume', () => {
  it.each([3, 4, 6])('from a file goes on bit for bit, from step %i', async (at) => {
    const every = { folder: join(folder, 'whole'), every: 1, keep: { last: 99 } };
    const whole = await train([weightAverage(), checkpoint(every)], 3);
    const file = (await listCheckpoints(every.folder)).find(({ steps }) => steps === at)!.file;
    const other = { ...every, folder: join(folder, 'rest') };
    const resumed = tinyTrainer([weightAverage(), checkpoint(other)]);
    expect(await resume(resumed, file)).toMatchObject({ steps: at, batch: at % 4, epoch: Math.floor(at / 4) });
    await resumed.fit(tinySource(4), { epochs: 3, evaluate: tinySource(2) });
    const [last] = await listCheckpoints(other.folder);
    expect(await diffCheckpoints((await listCheckpoints(every.folder))[0]!.file, last!.file)).toEqual([]);
    whole.dispose();
    resumed.dispose();
  });

  it('begins at the beginning where there is nothing, and passes over what cannot be read', async () => {
    expect(await resume(tinyTrainer([]), join(folder, 'nowhere'))).toBeNull();
    (await train([checkpoint({ folder, keep: { last: 3 } })], 3)).dispose();
    truncateSync(join(folder, 'step-00000012.safetensors'), 900);
    const damaged: string[] = [];
    const make = () => tinyTrainer([checkpoint({ folder })]);
    const options = { onDamaged: (file: string) => void damaged.push(file) };
    expect(await resume(make(), folder, options)).toMatchObject({ steps: 8 });
    expect(damaged).toEqual([join(folder, 'step-00000012.safetensors')]);
    for (const name of names()) truncateSync(join(folder, name), 900);
    expect(await codeOf(() => resume(make(), folder))).toBe('MAN_CHECKPOINT_DAMAGED');
  });

  it('takes no tensors along, and says what does not fit', async () => {
    (await train([weightAverage(), checkpoint({ folder })], 1)).dispose();
    const tensors = tf.memory().numTensors;
    const error = await resume(tinyTrainer([checkpoint({ folder })]), folder).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'MAN_CORE_SNAPSHOT_MISMATCH', message: expect.stringContaining('average.a.linear.weight') });
    const ignore = (name: string) => name.startsWith('average.');
    const trainer = tinyTrainer([checkpoint({ folder })]);
    expect(await resume(trainer, folder, { ignore })).toMatchObject({ steps: 4 });
    trainer.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(tensors + 6);
  });

  it('refuses files that are no checkpoint, or lie about where the run is', async () => {
    (await train([checkpoint({ folder })], 1)).dispose();
    const good = await readCheckpoint(join(folder, names()[0]!));
    const write = async (metadata: Record<string, string>) => {
      await writeSafetensors(join(folder, 'bad.safetensors'), good.tensors, metadata);
      return codeOf(() => readCheckpoint(join(folder, 'bad.safetensors')));
    };
    const position = (changes: object) => ({ 'man.format': '1', 'man.position': JSON.stringify({ ...good.position, ...changes }) });
    expect(await write(position({}))).toBeNull();
    expect(await write({})).toBe('MAN_CHECKPOINT_FORMAT');
    expect(await write({ ...position({}), 'man.format': '99' })).toBe('MAN_CHECKPOINT_FORMAT');
    expect(await write({ 'man.format': '1', 'man.position': '{' })).toBe('MAN_CHECKPOINT_FORMAT');
    const lies = [
      { steps: -1 },
      { epoch: 1.5 },
      { batch: '3' },
      { seconds: null },
      { average: null },
      { plugins: { checkpoint: { rng: { key: [1] } } } },
    ];
    for (const changes of lies) expect(await write(position(changes))).toBe('MAN_CHECKPOINT_FORMAT');
  });

  it('survives kill -9 at any moment', { timeout: 120_000 }, async () => {
    const run = { folder: join(folder, 'killed'), every: 2, epochs: 8, width: 8 };
    await live(run, { afterMs: 40 });
    await live(run, { afterMs: 150, isAmidWriting: true });
    await live(run, null);
    const lives = livesOf(run);
    expect(lives.at(-1)).toMatchObject({ last: 80, isDone: true });
    for (let i = 1; i < lives.length; i++) expect(lives[i - 1]!.last - lives[i]!.from).toBeLessThanOrEqual(run.every);
    const other = join(folder, 'whole');
    const whole = tinyTrainer([{ name: 'watcher', afterStep: () => {} }, checkpoint({ folder: other })]);
    await whole.fit(tinySource(10), { epochs: 8 });
    const [[a], [b]] = [await listCheckpoints(run.folder), await listCheckpoints(other)];
    expect(await diffCheckpoints(a!.file, b!.file)).toEqual([]);
    expect(names(run.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a network without its trainer', () => {
  it('gives the same logits, of the moment or averaged', async () => {
    const average = weightAverage({ momentum: 0.5 });
    const trainer = await train([average, checkpoint({ folder })], 2);
    const file = join(folder, names().at(-1)!);
    const images = tf.randomNormal([5, 4], 0, 1, 'float32', 7);
    const tensors = tf.memory().numTensors;
    const network = await loadNetwork(file, { backbone: tinyBackbone() });
    expect([...network.predict(images).dataSync()]).toEqual([...trainer.predict(images).dataSync()]);
    const averaged = await loadNetwork(file, { backbone: tinyBackbone(), weights: 'average' });
    expect([...averaged.variables()['a.linear.weight']!.dataSync()]).toEqual([...average.variables()['a.linear.weight']!.dataSync()]);
    network.dispose();
    averaged.dispose();
    expect(tf.memory().numTensors).toBe(tensors + 2);
    trainer.dispose();
  });

  it('lists every tensor that does not fit', async () => {
    (await train([checkpoint({ folder })], 1)).dispose();
    const file = join(folder, names()[0]!);
    const error = await loadNetwork(file, { backbone: tinyBackbone(9) }).catch((e: Error) => e);
    expect(error).toMatchObject({
      code: 'MAN_CHECKPOINT_MISMATCH',
      message: expect.stringContaining('a.linear.weight: expected F32 [4,9], got F32 [4,8]'),
    });
    expect((error as Error).message).toContain('of another shape (5)');
    expect(await codeOf(() => loadNetwork(file, { backbone: tinyBackbone(), weights: 'average' }))).toBe('MAN_CHECKPOINT_NO_AVERAGE');
  });

  it('is exported for tfjs, which reads it', async () => {
    const trainer = await train([weightAverage(), checkpoint({ folder })], 1);
    await exportTfjs(join(folder, names()[0]!), join(folder, 'tfjs'));
    const { weightsManifest } = JSON.parse(readFileSync(join(folder, 'tfjs', 'model.json'), 'utf8'));
    const bytes = readFileSync(join(folder, 'tfjs', 'weights.bin'));
    const read = tf.io.decodeWeights(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), weightsManifest[0].weights);
    const expected = trainer.networkVariables();
    expect(Object.keys(read).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, variable] of Object.entries(expected)) expect([...read[name]!.dataSync()]).toEqual([...variable.dataSync()]);
    trainer.dispose();
  });
});
