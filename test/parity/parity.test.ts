import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resnet } from '@man/backbone-resnet';
import { type Batch, createTrainer, disposeBatch, type LocalLoss, sgd, type Trainer, type TrainerPlugin } from '@man/core';
import { infopro } from '@man/loss-infopro';
import { type EngineName, useEngine } from '@man/ops';
import { man } from '@man/plugin';
import { readSafetensors } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LocalRecipe, localLossOf } from './local-loss.ts';

/** What tools/peer/parity_fixtures.py writes: PyTorch's losses and final state of the same training. */
interface Run {
  readonly network: { readonly depth: number; readonly width: number; readonly classes: number; readonly imageSize: number };
  readonly batch: number;
  readonly steps: number;
  readonly pictures: { readonly file: string; readonly firstRecord?: number };
  readonly normalisation: { readonly mean: number[]; readonly std: number[] };
  readonly methods: readonly Method[];
}

interface Method {
  readonly name: string;
  /** What labels are divided by, so that some of a small batch are alike. */
  readonly labelDivisor: number;
  readonly initial: readonly string[];
  readonly final: string | null;
  readonly optimizer: {
    readonly learningRate: number;
    readonly momentum: number;
    readonly nesterov: boolean;
    readonly weightDecay: number;
  };
  readonly blocks: readonly (readonly string[])[];
  readonly head: '1c2f' | '2c2f' | null;
  readonly mode: 'softmax' | 'contrast' | null;
  readonly schedule: { readonly a1: number; readonly a2: number; readonly b1: number; readonly b2: number } | null;
  readonly local: LocalRecipe | null;
  readonly man: {
    readonly momentum: number;
    readonly ema: boolean;
    readonly bias: boolean;
    readonly order: 'after-step' | 'before-step';
    readonly gated: boolean;
  } | null;
  readonly losses: readonly (readonly Readonly<Record<string, number>>[])[];
}

const RECORD_BYTES = 3073;
/** By hand: `MAN_PARITY_ENGINE=wasm` (or cpu, slow) compares another engine than the machine's fastest. */
const engine = (process.env.MAN_PARITY_ENGINE ?? 'auto') as EngineName | 'auto';
const committed = [new URL('fixtures/synthetic/', import.meta.url), new URL('fixtures/cifar10/', import.meta.url)];
/** A larger run (ResNet-32, K = 16) made by hand with `parity_fixtures.py --full --out <folder>`. */
const byHand = process.env.MAN_PARITY_DIR === undefined ? [] : [pathToFileURL(`${process.env.MAN_PARITY_DIR}/`)];

for (const folder of [...committed, ...byHand]) {
  const run = JSON.parse(await readFile(new URL('run.json', folder), 'utf8')) as Run;
  const isReal = run.pictures.firstRecord !== undefined;
  const data = process.env.MAN_DATA_DIR;
  const present = !isReal || (data !== undefined && existsSync(`${data}/${run.pictures.file}`));
  const name = folder.pathname.split('/').at(-2);

  describe.skipIf(!present)(`parity with PyTorch: ${name}${present ? '' : ' (skipped: MAN_DATA_DIR has no CIFAR-10)'}`, () => {
    beforeAll(async () => {
      await useEngine(engine);
    });

    it.each(run.methods)(
      '$name: losses of five steps and the final state',
      async (method) => {
        const trainer = createLike(run, method);
        await load(trainer, method, folder);
        for (let step = 0; step < run.steps; step++) {
          const batch = await readBatch(run, method, folder, step);
          trainer.step(batch);
          disposeBatch(batch);
        }
        const tolerance = [1e-4, 3e-4, 1e-3, 1e-3, 1e-3];
        const steps = trainer.readMetrics();
        steps.forEach(({ blocks }, step) => {
          blocks.forEach(({ loss, terms }, block) => {
            for (const [term, expected] of Object.entries(method.losses[step]?.[block] as Record<string, number>)) {
              const got = term === 'total' ? loss : terms[term];
              expectRelative(got as number, expected, tolerance[step] as number, `step ${step + 1}, block ${block + 1}, ${term}`);
            }
          });
        });
        if (method.final !== null) {
          const differences = await stateDifferences(trainer, new URL(method.final, folder));
          if (committed.includes(folder)) expectAllWithin(differences, 1e-3);
          else expectMostlyWithin(differences, 1e-3, 3 / run.batch);
        }
        trainer.dispose();
      },
      120_000,
    );
  });
}

function createLike(run: Run, method: Method): Trainer {
  const { depth, width, classes, imageSize } = run.network;
  const { learningRate, ...optimizer } = method.optimizer;
  return createTrainer({
    backbone: resnet({ depth, width, classes, inputShape: [imageSize, imageSize, 3] }),
    partition: { cuts: method.blocks.slice(0, -1).map((units) => units.at(-1) as string) },
    ...lossLike(method),
    optimizer: sgd(optimizer),
    schedule: () => learningRate,
    plugins: method.man === null ? [] : [manLike(method.man)],
  });
}

function lossLike({ local, head, mode, schedule }: Method): { readonly loss?: LocalLoss } {
  if (local !== null) return { loss: localLossOf(local) };
  return schedule === null || head === null || mode === null ? {} : { loss: infopro({ head, mode, schedule: rangeOf(schedule) }) };
}

const rangeOf = ({ a1, a2, b1, b2 }: NonNullable<Method['schedule']>) => ({
  first: { reconstruction: a1, classification: a2 },
  last: { reconstruction: b1, classification: b2 },
});

function manLike({ momentum, ema, bias, order, gated }: NonNullable<Method['man']>): TrainerPlugin {
  return man({ momentum, ema, bias: bias ? 'branch' : 'none', when: order, mix: gated ? 'gated' : 'sum' });
}

/** Gives the trainer PyTorch's initial state; every variable must be in the files, and the other way round. */
async function load(trainer: Trainer, method: Method, folder: URL): Promise<void> {
  const files = await Promise.all(method.initial.map((file) => readSafetensors(fileURLToPath(new URL(file, folder)))));
  const initial = new Map(files.flatMap(({ tensors }) => Object.entries(tensors)));
  for (const [name, variable] of Object.entries(trainer.variables())) {
    const stored = initial.get(name);
    if (stored === undefined && method.man?.gated === true && name.endsWith('.gate')) continue;
    expect(stored, `${name} in ${method.initial.join(', ')}`).toBeDefined();
    tf.tidy(() => variable.assign(tf.tensor(stored?.data as Float32Array, [...(stored?.shape ?? [])])));
  }
}

async function readBatch(run: Run, { labelDivisor }: Method, folder: URL, step: number): Promise<Batch> {
  const { bytes, labels } = await readPictures(run, folder, step);
  const n = run.batch;
  const size = run.network.imageSize;
  return tf.tidy(() => {
    const values = tf.tensor4d(Float32Array.from(bytes), [n, size, size, 3]);
    const images = tf.div(tf.sub(values, run.normalisation.mean), run.normalisation.std);
    return {
      images,
      pixels: tf.div(values, 255),
      labels: tf.tensor1d(
        [...labels].map((label) => Math.floor(label / labelDivisor)),
        'int32',
      ),
    };
  }) as Batch;
}

async function readPictures(
  run: Run,
  folder: URL,
  step: number,
): Promise<{ bytes: Uint8Array; labels: ArrayLike<number> & Iterable<number> }> {
  const { firstRecord, file } = run.pictures;
  const perBatch = run.batch * run.network.imageSize ** 2 * 3;
  if (firstRecord === undefined) {
    const { tensors } = await readSafetensors(fileURLToPath(new URL(file, folder)));
    const at = (name: string, size: number) =>
      (tensors[name] as { readonly data: Uint8Array }).data.subarray(step * size, (step + 1) * size);
    return { bytes: at('images', perBatch), labels: at('labels', run.batch) };
  }
  const handle = await open(`${process.env.MAN_DATA_DIR}/${file}`);
  const records = Buffer.alloc(run.batch * RECORD_BYTES);
  await handle.read(records, 0, records.length, (firstRecord + step * run.batch) * RECORD_BYTES);
  await handle.close();
  return {
    bytes: interleaved(records, run.batch),
    labels: Array.from({ length: run.batch }, (_, i) => records[i * RECORD_BYTES] as number),
  };
}

/** Planes of 1,024 bytes behind a label byte, to pixels of three bytes. */
function interleaved(records: Buffer, n: number): Uint8Array {
  return Uint8Array.from({ length: n * 3072 }, (_, i) => {
    const [picture, pixel, channel] = [Math.floor(i / 3072), Math.floor((i % 3072) / 3), i % 3];
    return records[picture * RECORD_BYTES + 1 + channel * 1024 + pixel] as number;
  });
}

/** Every weight, statistic, momentum and EMA tensor: its largest difference relative to its largest value, worst first. */
async function stateDifferences(trainer: Trainer, file: URL): Promise<readonly (readonly [string, number])[]> {
  const { tensors } = await readSafetensors(fileURLToPath(file));
  const momenta = Object.fromEntries(Object.entries(trainer.optimizerState()).map(([name, value]) => [`momentum/${name}`, value]));
  const ours: Record<string, tf.Tensor> = { ...trainer.variables(), ...momenta };
  expect(Object.keys(ours).sort()).toEqual(Object.keys(tensors).sort());
  const differences = Object.entries(tensors).map(([name, stored]) => {
    const expected = stored.data as Float32Array;
    const got = (ours[name] as tf.Tensor).dataSync();
    expect(got.length, name).toBe(expected.length);
    const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-3);
    const worst = expected.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (got[i] as number))), 0);
    return [name, worst / scale] as const;
  });
  tf.dispose(momenta);
  // NaN first: it must not hide in the middle of an unordered list.
  return differences.sort(([, a], [, b]) => (Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : b - a));
}

function expectAllWithin(differences: readonly (readonly [string, number])[], limit: number): void {
  for (const [name, difference] of differences) expect(difference, name).toBeLessThan(limit);
}

/**
 * At full size activations come within 1e-9 of zero, so rounding decides the gradient of some ReLUs, in PyTorch's own
 * float32 as well (`float32Difference`). One such picture moves a momentum by about 1 / batch of its size: the typical
 * tensor must still agree, and none be off by more than a few pictures. A wrong order of the EMA makes 0.3.
 */
function expectMostlyWithin(differences: readonly (readonly [string, number])[], typical: number, worst: number): void {
  expectAllWithin(differences, worst);
  expectAllWithin(differences.slice(Math.floor(differences.length / 2)), typical);
}

function expectRelative(got: number, expected: number, tolerance: number, what: string): void {
  expect(Math.abs(got - expected) / Math.abs(expected), `${what}: ${got} instead of ${expected}`).toBeLessThan(tolerance);
}
