import type { Rng } from '@man/base';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { BatchSource, SavePoint, TrainerPlugin } from './contracts.ts';
import { createTrainer, type Snapshot, type Trainer } from './index.ts';
import { denseBackbone, denseBatch, denseLoss } from './testing.ts';

/** Five batches that differ from epoch to epoch; `seen` notes which were made. */
function source(canSkip: boolean, seen: string[] = []): BatchSource {
  return {
    examples: 40,
    batches: 5,
    canSkip,
    *epoch(epoch, { from = 0 } = {}) {
      for (let i = canSkip ? from : 0; i < 5; i++) {
        seen.push(`${epoch}.${i}`);
        yield denseBatch(10 * epoch + i);
      }
    },
  };
}

/** Disturbs a weight at random in every step, and counts in something that is no variable. */
function noise(): TrainerPlugin & { count?: never } {
  let rng: Rng | undefined;
  let count = 0;
  let weight: tf.Variable | undefined;
  return {
    name: 'noise',
    setup(run) {
      rng = run.rng;
      weight = run.network['a.weight'];
    },
    afterStep() {
      count++;
      tf.tidy(() => weight?.assign(tf.mul(weight, 1 + 0.01 * (rng?.next() ?? 0) + 1e-4 * count)));
    },
    saveState: () => ({ count }),
    loadState(state) {
      count = (state as { count: number }).count;
    },
  };
}

/** Keeps the snapshot of a step, as a file would: numbers and JSON. */
function saver(at: number, kept: { snapshot?: Snapshot }): TrainerPlugin {
  return {
    name: 'saver',
    onSavePoint({ steps, snapshot }: SavePoint) {
      if (steps !== at || kept.snapshot !== undefined) return;
      const { tensors, position } = snapshot();
      const values = Object.entries(tensors).map(([name, tensor]) => [name, tf.keep(tf.tensor(tensor.dataSync().slice(), tensor.shape))]);
      kept.snapshot = { tensors: Object.fromEntries(values), position: JSON.parse(JSON.stringify(position)) };
      tf.dispose(Object.values(tensors));
    },
  };
}

const make = (plugins: TrainerPlugin[] = [], changes: object = {}) =>
  createTrainer({
    backbone: denseBackbone(),
    partition: { blocks: 2 },
    loss: denseLoss(),
    readEvery: 1,
    plugins: [noise(), ...plugins],
    ...changes,
  });
const numbers = (trainer: Trainer) => {
  const { tensors, position } = trainer.snapshot();
  const values = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, [...tensor.dataSync()]]));
  tf.dispose(Object.values(tensors));
  const { seconds: _, waitedMs: __, peakTensorBytes: ___, ...rest } = position;
  return { values, ...rest };
};

describe('a run that goes on from a snapshot', () => {
  it.each([1, 4, 5, 7, 12])('equals one that was never interrupted, bit for bit: step %i', async (at) => {
    for (const canSkip of [true, false]) {
      const kept: { snapshot?: Snapshot } = {};
      const whole = make([saver(at, kept)]);
      const report = await whole.fit(source(canSkip), { epochs: 3, evaluate: source(false) });
      const seen: string[] = [];
      const resumed = make();
      await resumed.restore(kept.snapshot!);
      expect([resumed.steps, resumed.epoch]).toEqual([at, Math.floor(at / 5)]);
      const rest = await resumed.fit(source(canSkip, seen), { epochs: 3, evaluate: source(false) });
      const { plugins, ...expected } = numbers(whole);
      const { plugins: others, ...got } = numbers(resumed);
      expect(got).toEqual(expected);
      expect(others.noise).toEqual(plugins.noise);
      const measured = ({ epoch, blocks, evaluation }: (typeof rest.epochs)[number]) => [
        epoch,
        blocks,
        evaluation?.loss,
        evaluation?.accuracy,
      ];
      expect(rest.epochs.map(measured)).toEqual(report.epochs.slice(-rest.epochs.length).map(measured));
      if (canSkip && at % 5 !== 0) expect(seen[0]).toBe(`${Math.floor(at / 5) + 1}.${at % 5}`);
      tf.dispose(Object.values(kept.snapshot!.tensors));
      whole.dispose();
      resumed.dispose();
    }
  });

  it('goes on where a signal ended it, in the same trainer too, and leaves no tensors', async () => {
    const tensors = tf.memory().numTensors;
    const controller = new AbortController();
    const stopper: TrainerPlugin = { name: 'stopper', afterStep: ({ step }) => step === 7 && controller.abort() } as TrainerPlugin;
    const last: boolean[] = [];
    const stopped = make([stopper, { name: 'points', onSavePoint: ({ isLast, steps }) => void (isLast && last.push(steps === 7)) }]);
    expect(await stopped.fit(source(true), { epochs: 3, signal: controller.signal })).toMatchObject({ interrupted: true });
    expect([stopped.steps, stopped.epoch, last]).toEqual([7, 1, [true]]);
    await stopped.fit(source(true), { epochs: 3 });
    const whole = make();
    await whole.fit(source(true), { epochs: 3 });
    expect(numbers(stopped).values).toEqual(numbers(whole).values);
    stopped.dispose();
    whole.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('restore', () => {
  const snapshotOf = async (trainer: Trainer) => {
    await trainer.fit(source(true), { epochs: 1 });
    return trainer.snapshot();
  };

  it('lists everything that does not fit, and changes nothing then', async () => {
    const from = make();
    const snapshot = await snapshotOf(from);
    const other = make([{ name: 'extra', saveState: () => 1 }], { partition: { blocks: 4 } });
    const before = numbers(other);
    const error = await other.restore(snapshot).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'MAN_CORE_SNAPSHOT_MISMATCH' });
    const { message } = error as Error;
    expect(message).toContain('aux.1.head.weight');
    expect(message).toContain('aux.2.head.bias');
    expect(message).toContain('plugin:extra');
    expect(message).not.toContain('a.weight');
    expect(numbers(other)).toEqual(before);
    const tensors = { ...snapshot.tensors, 'a.weight': tf.zeros([2, 2]), stray: tf.zeros([1]) };
    const shapes = await make()
      .restore({ ...snapshot, tensors })
      .catch((e: Error) => e.message);
    expect(shapes).toContain('unexpected (1): stray');
    expect(shapes).toContain('a.weight: expected [5,6], got [2,2]');
  });

  it('ignores what it is told to', async () => {
    const from = make();
    const snapshot = await snapshotOf(from);
    const other = make([{ name: 'extra', saveState: () => 1 }]);
    await other.restore(snapshot, { ignore: (name) => name === 'plugin:extra' });
    expect(numbers(other).values).toEqual(numbers(from).values);
  });

  it('says when the data are not those of the epoch it stopped in, and when a trainer is not at rest', async () => {
    const kept: { snapshot?: Snapshot } = {};
    await make([saver(3, kept)]).fit(source(true), { epochs: 1 });
    const other = make();
    await other.restore(kept.snapshot!);
    const shorter = { ...source(true), batches: 4, examples: 32 };
    await expect(other.fit(shorter, { epochs: 1 })).rejects.toMatchObject({ code: 'MAN_CORE_SNAPSHOT_DATA' });
    other.step(denseBatch());
    expect(() => other.snapshot()).toThrow(expect.objectContaining({ code: 'MAN_CORE_NOT_AT_REST' }));
  });

  it('needs an optimiser that can take over a state', async () => {
    const from = make();
    const snapshot = await snapshotOf(from);
    const optimizer = { name: 'poor', create: () => ({ apply: () => {}, state: () => ({}), dispose: () => {} }) };
    await expect(make([], { optimizer }).restore(snapshot)).rejects.toMatchObject({ code: 'MAN_CORE_OPTIMIZER_RESTORE' });
  });
});
