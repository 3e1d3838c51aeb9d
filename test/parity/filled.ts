import { createRng, type Rng } from '@man/base';
import type { Backbone, Network } from '@man/core';
import { exportTorch, importTorch, readSafetensors, type StoredTensor } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';

export const MODES = ['evaluation', 'training'] as const;
export type Mode = (typeof MODES)[number];

/** What tools/peer/network_logits.py writes: logits by mode, and as `after.<name>` what training makes of the running statistics. */
export type Reference = Readonly<Record<string, StoredTensor>>;

/** A network whose weights PyTorch wrote. */
export interface Filled {
  readonly backbone: Backbone;
  readonly network: Network;
  dispose(): void;
}

/** Draws nothing: every value comes from PyTorch. */
const undrawn: Rng = { ...createRng(1), split: () => undrawn, normal: (out) => out, uniform: (out) => out };

export async function filled(backbone: Backbone, weights: string): Promise<Filled> {
  const network = backbone.build(undrawn);
  const dispose = () => {
    for (const unit of [...network.units, network.classifier]) unit.dispose();
  };
  await importTorch({ backbone, network }, weights);
  return { backbone, network, dispose };
}

/** By how much a network misses PyTorch's logits at most, and their root mean square. */
export function missed({ network }: Filled, images: StoredTensor, reference: Reference, mode: Mode): { most: number; scale: number } {
  const truth = reference[mode]?.data as Float32Array;
  const got = logitsOf(network, images, mode === 'training');
  expect(got.length).toBe(truth.length);
  const scale = Math.sqrt(truth.reduce((sum, value) => sum + value * value, 0) / truth.length);
  return { most: truth.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] as number))), 0), scale };
}

/** Unit by unit, each one's input freed behind it: the largest networks' features would fill memory. */
function logitsOf({ units, classifier }: Network, images: StoredTensor, training: boolean): Float32Array {
  let x = tf.tensor(images.data as Float32Array, [...images.shape]);
  for (const unit of [...units, classifier]) {
    const y = unit.apply(x, training);
    x.dispose();
    x = y;
  }
  const logits = x.dataSync<'float32'>();
  x.dispose();
  return logits;
}

/**
 * Expects the running statistics that PyTorch has behind the same pictures (1e-4 of the largest), and all else as it was given. Looks at what
 * is exported to `file`, so that those names and layouts count, too.
 */
export async function expectStatistics(of: Filled, weights: string, reference: Reference, file: string): Promise<void> {
  await exportTorch(of, file);
  const exported = new Map(Object.entries((await readSafetensors(file)).tensors));
  const given = await readSafetensors(weights, { only: (name) => !name.endsWith('num_batches_tracked') });
  expect(exported.size).toBe(Object.keys(given.tensors).length);
  // torchvision's names are written, and those of networks for CIFAR read.
  const writtenAs = (name: string) => name.replace('.shortcut.', '.downsample.').replace(/^linear\./, 'fc.');
  for (const [name, before] of Object.entries(given.tensors)) {
    const after = reference[`after.${name}`];
    const expected = (after ?? before).data as Float32Array;
    const got = exported.get(writtenAs(name))?.data as Float32Array;
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const tolerance = after === undefined ? 0 : 1e-4 * largest;
    for (let i = 0; i < expected.length; i++)
      if (!(Math.abs((got[i] as number) - (expected[i] as number)) <= tolerance))
        expect.fail(`${name}[${i}]: ${got[i]}, not ${expected[i]}`);
  }
}
