import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import type { Backbone, NamedVariables, Unit } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.ts';
import { exportTorch, importTorch, type NetworkOfBackbone } from './torch-weights.ts';

const unitOf = (name: string, parameters: NamedVariables, buffers: NamedVariables = {}): Unit => ({
  name,
  inputShape: [1],
  outputShape: [1],
  apply: (x) => x,
  parameters: () => parameters,
  buffers: () => buffers,
  clone: () => unitOf(name, parameters),
  dispose: () => tf.dispose([parameters, buffers] as tf.TensorContainer),
});

const counted = (shape: number[]) =>
  tf.tidy(() =>
    tf.variable(
      tf.reshape(
        tf.range(
          0,
          shape.reduce((a, b) => a * b, 1),
        ),
        shape,
      ),
    ),
  );

const torch = {
  namesOf: (name: string) => (name.endsWith('.draws') ? [] : [name.replace('stem.', 'features.'), name.replace('stem.', 'body.')]),
  flattened: { 'classifier.weight': [1, 2, 3] },
};

/** A convolution `[1, 2, 3, 2]`, a linear layer behind a flattened `[1, 2, 3]`, one behind that, and a vector. */
function small(): NetworkOfBackbone & { dispose(): void } {
  const stem = unitOf('stem', { weight: counted([1, 2, 3, 2]) }, { running_mean: counted([2]), draws: counted([]) });
  const classifier = unitOf('classifier', { weight: counted([6, 2]), 'last.weight': counted([2, 3]) });
  const backbone: Backbone = { name: 'small', inputShape: [1], classes: 3, partitions: {}, torch, build: () => network };
  const network = { units: [stem] as const, classifier };
  return {
    backbone,
    network,
    dispose() {
      stem.dispose();
      classifier.dispose();
    },
  };
}

const f32 = (shape: number[], data: number[]): StoredTensor => ({ dtype: 'F32', shape, data: Float32Array.from(data) });
/** PyTorch's axes: out, in, height, width; out, then channels, height, width; out, in. */
const expected = {
  'features.weight': f32([2, 3, 1, 2], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]),
  'features.running_mean': f32([2], [0, 1]),
  'classifier.weight': f32([2, 6], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]),
  'classifier.last.weight': f32([3, 2], [0, 3, 1, 4, 2, 5]),
};

let folder: string;
let tensorsBefore = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-torch-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!isManError(error)) throw error ?? new Error('nothing was thrown');
  return `${error.code}: ${error.message}`;
}

/** Imports into a fresh network; what its variables hold then. */
async function imported(tensors: Readonly<Record<string, StoredTensor>>, options: Parameters<typeof importTorch>[2] = {}) {
  const file = join(folder, 'import.safetensors');
  await writeSafetensors(file, tensors);
  const one = small();
  const { units, classifier } = one.network;
  const all = [units[0].parameters(), units[0].buffers(), classifier.parameters()].flatMap((variables) => Object.values(variables));
  for (const variable of all) tf.tidy(() => variable.assign(tf.fill(variable.shape, -1)));
  try {
    await importTorch(one, file, options);
    return Object.fromEntries(Object.entries({ stem: units[0], classifier }).map(([name, unit]) => [name, [...unit.parameters().weight!.dataSync()]])); // biome-ignore format: one line
  } catch (error) {
    // Nothing may have changed.
    expect([...units[0].parameters().weight!.dataSync()]).toEqual(Array(12).fill(-1));
    throw error;
  } finally {
    one.dispose();
  }
}

describe('exportTorch and importTorch', () => {
  it('write PyTorch’s names and layouts', async () => {
    const one = small();
    const file = join(folder, 'export.safetensors');
    await exportTorch(one, file);
    one.dispose();
    const { tensors, metadata } = await readSafetensors(file);
    expect({ ...tensors }).toEqual(expected);
    expect(metadata.format).toBe('pt');
  });

  it('read them back, under other names, behind data parallelism, and beside counts of batches', async () => {
    const ours = { stem: Array.from({ length: 12 }, (_, i) => i), classifier: Array.from({ length: 12 }, (_, i) => i) };
    expect(await imported(expected)).toEqual(ours);
    const other = Object.fromEntries(Object.entries(expected).map(([name, tensor]) => [name.replace('features', 'body'), tensor]));
    expect(await imported(other)).toEqual(ours);
    const parallel = Object.fromEntries(Object.entries(expected).map(([name, tensor]) => [`module.${name}`, tensor]));
    expect(await imported(parallel)).toEqual(ours);
    const count: StoredTensor = { dtype: 'I32', shape: [], data: Int32Array.of(7) };
    expect(await imported({ ...expected, 'features.num_batches_tracked': count })).toEqual(ours);
  });

  it('leave out what they are told to', async () => {
    const wrong = { ...expected, 'classifier.last.weight': f32([9, 2], Array(18).fill(0)) };
    await imported(wrong, { skip: (name) => name === 'classifier.last.weight' });
    const { 'classifier.last.weight': _, ...without } = expected;
    await imported(without, { skip: (name) => name === 'classifier.last.weight' });
  });

  it('change nothing where a weight is missing, too much, of another shape or type', async () => {
    const { 'features.weight': _, ...without } = expected;
    expect(await messageOf(imported(without))).toMatch(/TORCH_MISMATCH.*no features.weight or body.weight/);
    expect(await messageOf(imported({ ...expected, extra: f32([1], [0]) }))).toMatch(/TORCH_MISMATCH.*extra, which it does not have/);
    expect(await messageOf(imported({ ...expected, 'features.weight': f32([3, 2, 1, 2], Array(12).fill(0)) }))).toMatch(
      /TORCH_MISMATCH.*features.weight of shape \[3,2,1,2\], not \[2,3,1,2\]/,
    );
    const whole: StoredTensor = { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) };
    expect(await messageOf(imported({ ...expected, 'features.running_mean': whole }))).toMatch(/TORCH_MISMATCH.*as I32, not F32/);
  });

  it('need a backbone that knows the names', async () => {
    const one = small();
    const { torch: _, ...nameless } = one.backbone;
    const file = join(folder, 'none.safetensors');
    expect(await messageOf(exportTorch({ ...one, backbone: nameless }, file))).toMatch(/TORCH_NAMES.*'small'/);
    expect(await messageOf(importTorch({ ...one, backbone: nameless }, file))).toMatch(/TORCH_NAMES/);
    expect(await messageOf(importTorch(one, file))).toMatch(/READ_FAILED/);
    one.dispose();
  });
});
