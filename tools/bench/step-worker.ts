/**
 * One of our training steps, ready to be timed: answers each line `go K` on its standard input with a JSON line of
 * K step times, so that rounds can alternate with the peer's (tools/peer/bench.py --interactive).
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { resnet } from '@man/backbone-resnet';
import { type Batch, createTrainer } from '@man/core';
import { infopro } from '@man/loss-infopro';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';

const { values } = parseArgs({
  options: {
    method: { type: 'string', default: 'man' },
    depth: { type: 'string', default: '32' },
    blocks: { type: 'string', default: '16' },
    batch: { type: 'string', default: '128' },
  },
});

const engine = await useEngine('tensorflow');
const idleBytes = process.memoryUsage().rss;
const trainer = createTrainer({
  backbone: resnet({ depth: Number(values.depth) }),
  partition: { blocks: values.method === 'e2e' ? 1 : Number(values.blocks) },
  loss: infopro(),
  plugins: values.method === 'man' ? [man()] : [],
});
const batch = randomBatch(Number(values.batch));
const operations = countOperations();

print({ ready: true, engine: engine.message, tfjs: tf.version_core });
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === 'quit') break;
  const stepMs = Array.from({ length: Number(line.split(' ')[1]) }, timeStep);
  print({
    step_ms: stepMs,
    peak_tensor_bytes: trainer.peakTensorBytes,
    peak_above_idle_mb: peakAboveIdle(),
    operations: operations.perStep,
  });
}
trainer.dispose();
tf.dispose([batch.images, batch.labels, batch.pixels ?? []]);

function timeStep(): number {
  operations.start();
  const start = performance.now();
  trainer.step(batch);
  // Reading the losses waits for the engine.
  trainer.readMetrics();
  return performance.now() - start;
}

function randomBatch(n: number): Batch {
  const labels = tf.tensor1d(Array.from({ length: n }, (_, i) => i % 10), 'int32'); // biome-ignore format: one line
  return { images: tf.randomNormal([n, 32, 32, 3]), pixels: tf.randomUniform([n, 32, 32, 3]), labels };
}

function peakAboveIdle(): number {
  return (process.resourceUsage().maxRSS * 1024 - idleBytes) / 1e6;
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
