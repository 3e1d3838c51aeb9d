/**
 * Every network, filled with weights that PyTorch wrote, against PyTorch's logits at full size: evaluation and training mode, four pictures
 * of 224×224 (32×32 for CIFAR). tools/peer/network_logits.py computes the reference on the spot.
 *
 * The truth is PyTorch in float64; differences are the largest of any logit, in units of the logits' root mean square, so that a network
 * with large logits is not let off and one with small ones not condemned. Two sorts of weights:
 *
 * - The last batch norm of each residual unit small (0.2), as it is in trained networks: a unit changes its input a little. There, rounding
 *   does not grow on its way, float32 means something, and the criterion is 1e-4, for each network and mode.
 * - Undamped, each unit adds about as much as it is given. Through fifty units rounding grows a hundredfold, in PyTorch as here: its own
 *   float32 misses its float64 by 8e-4 in ResNet-152. No implementation in float32 can promise 1e-4 then, so the criterion is PyTorch's own
 *   rounding: at most twice as far from the truth as its float32 is, or 1e-4.
 *
 * What each of both is off by is printed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resnet18, resnet20, resnet32, resnet34, resnet50, resnet101, resnet110, resnet152 } from '@man/backbone-resnet';
import { resnext50, resnext101 } from '@man/backbone-resnext';
import { vgg11, vgg13, vgg16, vgg19 } from '@man/backbone-vgg';
import { createRng, type Rng } from '@man/base';
import type { Backbone, Network } from '@man/core';
import { useEngine } from '@man/ops';
import { exportTorch, importTorch, readSafetensors, type StoredTensor } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findPeer } from '../../tools/bench/contender.ts';

const RESIDUAL: Readonly<Record<string, () => Backbone>> = {
  cifar_resnet20: resnet20,
  cifar_resnet32: resnet32,
  cifar_resnet110: resnet110,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d: resnext50,
  resnext101_32x8d: resnext101,
};
const PLAIN: Readonly<Record<string, () => Backbone>> = { vgg11_bn: vgg11, vgg13_bn: vgg13, vgg16_bn: vgg16, vgg19_bn: vgg19 };

type Mode = 'evaluation' | 'training';
interface Peer {
  readonly weights: string;
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** By how much PyTorch's float32 misses its float64: of any logit at most. */
  readonly float32: Readonly<Record<Mode, number>>;
}

const script = fileURLToPath(new URL('../../tools/peer/network_logits.py', import.meta.url));
const python = process.env.MAN_LONG_TESTS === undefined ? undefined : findPeer();
/** Draws nothing: every value comes from PyTorch. */
const undrawn: Rng = { ...createRng(1), split: () => undrawn, normal: (out) => out, uniform: (out) => out };

let folder: string;
let tensorsBefore = 0;
beforeAll(() => useEngine('auto'));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-networks-'));
  tensorsBefore = tf.memory().numTensors;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});
afterAll(() => {
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
});
const lines: string[] = [];

describe.skipIf(python === undefined)(
  `networks filled by PyTorch${python === undefined ? ' (skipped: no PyTorch, see MAN_PEER_PYTHON)' : ''}`,
  () => {
    it.each(Object.entries({ ...RESIDUAL, ...PLAIN }))('%s gives its logits to 1e-4, and its running statistics', async (name, make) => {
      const peer = await ask(name, name in PLAIN ? 1 : 0.2);
      const network = make().build(undrawn);
      await importTorch({ backbone: make(), network }, peer.weights);
      for (const mode of ['evaluation', 'training'] as const) expect(missed(network, peer, name, mode).ours).toBeLessThan(1e-4);
      await expectStatistics(make(), network, peer);
      dispose(network);
    });

    it.each(Object.entries(RESIDUAL))(
      '%s is no further from the truth than float32 is, with units that are not damped',
      async (name, make) => {
        const peer = await ask(name, 1);
        const network = make().build(undrawn);
        await importTorch({ backbone: make(), network }, peer.weights);
        for (const mode of ['evaluation', 'training'] as const) {
          const { ours, theirs } = missed(network, peer, `${name}, undamped`, mode);
          expect(ours).toBeLessThan(Math.max(1e-4, 2 * theirs));
        }
        dispose(network);
      },
    );
  },
);

async function ask(network: string, damping: number): Promise<Peer> {
  const args = [script, '--network', network, '--damping', `${damping}`, '--out', folder];
  const { stdout } = await promisify(execFile)(python as string, args);
  const { tensors } = await readSafetensors(join(folder, 'reference.safetensors'));
  return { weights: join(folder, 'weights.safetensors'), tensors, ...(JSON.parse(stdout) as Pick<Peer, 'float32'>) };
}

/** By how much we and PyTorch's float32 miss the logits, in units of their root mean square. */
function missed(network: Network, { tensors, float32 }: Peer, name: string, mode: Mode): { ours: number; theirs: number } {
  const truth = tensors[mode]?.data as Float32Array;
  const got = logitsOf(network, tensors.images as StoredTensor, mode === 'training');
  const scale = Math.sqrt(truth.reduce((sum, value) => sum + value * value, 0) / truth.length);
  const ours = truth.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] as number))), 0) / scale;
  const theirs = float32[mode] / scale;
  lines.push(
    `${name}, ${mode}: off by ${ours.toExponential(1)}, PyTorch's float32 by ${theirs.toExponential(1)}; logits ±${scale.toPrecision(2)}`,
  );
  return { ours, theirs };
}

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

/** Running statistics as PyTorch's are behind the same pictures, in units of the largest; by way of our own export, so its names count. */
async function expectStatistics(backbone: Backbone, network: Network, { weights, tensors }: Peer): Promise<void> {
  const file = join(folder, 'exported.safetensors');
  await exportTorch({ backbone, network }, file);
  const exported = new Map(Object.entries((await readSafetensors(file)).tensors));
  const given = await readSafetensors(weights, { only: (name) => !name.endsWith('num_batches_tracked') });
  // torchvision's names are written, and those of networks for CIFAR read.
  const writtenAs = (name: string) => name.replace('.shortcut.', '.downsample.').replace(/^linear\./, 'fc.');
  for (const [name, before] of Object.entries(given.tensors)) {
    const expected = (tensors[`after.${name}`] ?? before).data as Float32Array;
    const got = exported.get(writtenAs(name))?.data as Float32Array;
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const tolerance = `after.${name}` in tensors ? 1e-4 * largest : 0;
    expect(got.length).toBe(expected.length);
    for (let i = 0; i < expected.length; i++)
      if (!(Math.abs((got[i] as number) - (expected[i] as number)) <= tolerance))
        expect.fail(`${name}[${i}]: ${got[i]}, not ${expected[i]}`);
  }
}

function dispose({ units, classifier }: Network): void {
  for (const unit of [...units, classifier]) unit.dispose();
}
