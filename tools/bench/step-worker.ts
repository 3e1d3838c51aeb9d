/**
 * One of our training steps, ready to be measured. Answers each line of its standard input with a line of JSON:
 * `go K` times K steps, `isolated` times the step's convolutions by themselves, `steady K` trains K steps and looks at tensors and
 * memory, `waiting K` trains K steps with real data and augmentation.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { resnet } from '@man/backbone-resnet';
import { type Batch, createTrainer, type PartitionOptions } from '@man/core';
import { trainingLoader } from '@man/data';
import { cifar10 } from '@man/dataset-cifar10';
import { shapes } from '@man/dataset-shapes';
import { infopro } from '@man/loss-infopro';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { isolatedMs, recordConvolutions } from '../../packages/ops/src/testing/convolutions.ts';

const { values } = parseArgs({
  options: {
    method: { type: 'string', default: 'man' },
    depth: { type: 'string', default: '32' },
    blocks: { type: 'string', default: '16' },
    width: { type: 'string', default: '16' },
    batch: { type: 'string', default: '128' },
  },
});

const engine = await useEngine('tensorflow');
const idleBytes = process.memoryUsage().rss;
const backbone = resnet({ depth: Number(values.depth), width: Number(values.width) });
const trainer = createTrainer({
  backbone,
  partition: partition(values.method === 'e2e' ? 1 : Number(values.blocks)),
  loss: infopro(),
  plugins: values.method === 'man' ? [man()] : [],
});
const batch = randomBatch(Number(values.batch));
const operations = countOperations();

const answers: Readonly<Record<string, (count: number) => object | Promise<object>>> = { go, isolated, steady, waiting };
print({ ready: true, engine: engine.message, tfjs: tf.version_core });
for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', count = '1'] = line.trim().split(' ');
  if (word === 'quit') break;
  print((await answers[word]?.(Number(count))) ?? { error: `expected one of ${Object.keys(answers).join(', ')}, got ${word}` });
}
trainer.dispose();
tf.dispose([batch.images, batch.labels, batch.pixels ?? []]);

/** The published partition, or an even one where there is none. */
function partition(blocks: number): PartitionOptions {
  if (blocks === 1 || backbone.partitions[blocks] !== undefined) return { blocks };
  const perStage = (Number(values.depth) - 2) / 6;
  const units = [1, 2, 3].flatMap((stage) => Array.from({ length: perStage }, (_, i) => `stage${stage}.unit${i}`));
  return { cuts: Array.from({ length: blocks - 1 }, (_, i) => units[Math.round(((i + 1) * units.length) / blocks) - 1] as string) };
}

function go(count: number): object {
  const aliveBefore = tf.memory().numBytes;
  const stepMs = Array.from({ length: count }, timeStep);
  return {
    step_ms: stepMs,
    peak_tensor_bytes: trainer.peakTensorBytes,
    peak_activation_bytes: trainer.peakTensorBytes - aliveBefore,
    operations: operations.perStep,
    peak_above_idle_mb: (process.resourceUsage().maxRSS * 1024 - idleBytes) / 1e6,
  };
}

function timeStep(): number {
  operations.start();
  const start = performance.now();
  trainer.step(batch);
  // Reading the losses waits for the engine.
  trainer.readMetrics();
  return performance.now() - start;
}

/** Milliseconds of all convolutions of a step, in all three directions, each by itself. */
function isolated(): object {
  const calls = recordConvolutions(() => trainer.step(batch));
  trainer.readMetrics();
  return {
    convolutions: calls.reduce((sum, { count }) => sum + count, 0),
    isolated_ms: calls.reduce((sum, { call, count }) => sum + count * isolatedMs(call), 0),
  };
}

/**
 * Tensors and resident memory every twentieth of `count` steps, behind 200 in which the heap settles. Garbage is collected before each
 * reading: how much of it lies around between two collections is V8's affair, and goes up and down by a tenth.
 */
function steady(count: number): object {
  const tensors: number[] = [];
  const residentMb: number[] = [];
  for (let i = 1; i <= count + 200; i++) {
    timeStep();
    if (i % Math.floor(count / 20) !== 0) continue;
    (globalThis as { gc?: () => void }).gc?.();
    if (i <= 200) continue;
    tensors.push(tf.memory().numTensors);
    residentMb.push(process.memoryUsage().rss / 1e6);
  }
  return { tensors, resident_mb: residentMb };
}

/**
 * Share of the time that the engine waits for pictures in an epoch of `count` steps, with shuffling and all augmentation: CIFAR-10's, or
 * those of shapes where there are none. The epoch begins with the loader's start; of a short one that would be all there is to see, so
 * another goes before it.
 */
async function waiting(count: number): Promise<object> {
  const n = Number(values.batch);
  const size = n * count;
  const found = await cifar10({ download: false }).catch(() => undefined);
  const loader = trainingLoader(found ?? shapes({ train: size, test: 1 }), { batch: n, seed: 1, limit: size });
  const report = await trainer.fit(loader, { epochs: trainer.epoch + (count < 100 ? 2 : 1) });
  await loader.close();
  return { dataset: found === undefined ? 'shapes' : 'cifar10', waiting: report.epochs.at(-1)?.waiting };
}

function randomBatch(n: number): Batch {
  const labels = tf.tensor1d(Array.from({ length: n }, (_, i) => i % 10), 'int32'); // biome-ignore format: one line
  return { images: tf.randomNormal([n, 32, 32, 3]), pixels: tf.randomUniform([n, 32, 32, 3]), labels };
}

/** Counts operations that the TensorFlow library runs. */
function countOperations() {
  const backend = tf.backend() as unknown as Record<'executeSingleOutput' | 'executeMultipleOutputs', (...all: unknown[]) => unknown>;
  const counter = {
    perStep: 0,
    start() {
      counter.perStep = 0;
    },
  };
  for (const method of ['executeSingleOutput', 'executeMultipleOutputs'] as const) {
    const execute = backend[method].bind(backend);
    backend[method] = (...all) => {
      counter.perStep++;
      return execute(...all);
    };
  }
  return counter;
}

function print(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
