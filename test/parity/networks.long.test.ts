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
import type { Backbone } from '@man/core';
import { useEngine } from '@man/ops';
import { readSafetensors, type StoredTensor } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findPeer } from '../../tools/bench/contender.ts';
import { expectStatistics, type Filled, filled, MODES, type Mode, missed, type Reference } from './filled.ts';

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

interface Peer {
  readonly weights: string;
  readonly reference: Reference;
  /** By how much PyTorch's float32 misses its float64: of any logit at most. */
  readonly float32: Readonly<Record<Mode, number>>;
}

const script = fileURLToPath(new URL('../../tools/peer/network_logits.py', import.meta.url));
const python = process.env.MAN_LONG_TESTS === undefined ? undefined : findPeer();
const lines: string[] = [];

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
const skipped = python === undefined ? ' (skipped: no PyTorch, see MAN_PEER_PYTHON)' : '';
describe.skipIf(skipped !== '')(`networks filled by PyTorch${skipped}`, () => {
  it.each(Object.entries({ ...RESIDUAL, ...PLAIN }))('%s gives its logits to 1e-4, and its running statistics', async (name, make) => {
    const peer = await ask(name, name in PLAIN ? 1 : 0.2);
    const ours = await filled(make(), peer.weights);
    for (const mode of MODES) expect(distances(ours, peer, name, mode).ours).toBeLessThan(1e-4);
    await expectStatistics(ours, peer.weights, peer.reference, join(folder, 'exported.safetensors'));
    ours.dispose();
  });

  it.each(Object.entries(RESIDUAL))('%s, undamped, is at most twice as far from the truth as float32 is in PyTorch', async (name, make) => {
    const peer = await ask(name, 1);
    const network = await filled(make(), peer.weights);
    for (const mode of MODES) {
      const { ours, theirs } = distances(network, peer, `${name}, undamped`, mode);
      expect(ours).toBeLessThan(Math.max(1e-4, 2 * theirs));
    }
    network.dispose();
  });
});

async function ask(network: string, damping: number): Promise<Peer> {
  const args = [script, '--network', network, '--damping', `${damping}`, '--out', folder];
  const { stdout } = await promisify(execFile)(python as string, args);
  const { tensors } = await readSafetensors(join(folder, 'reference.safetensors'));
  return { weights: join(folder, 'weights.safetensors'), reference: tensors, ...(JSON.parse(stdout) as Pick<Peer, 'float32'>) };
}

/** By how much we and PyTorch's float32 miss the logits, in units of their root mean square. */
function distances(network: Filled, { reference, float32 }: Peer, name: string, mode: Mode): { ours: number; theirs: number } {
  const { most, scale } = missed(network, reference.images as StoredTensor, reference, mode);
  const [ours, theirs] = [most / scale, float32[mode] / scale];
  const off = (distance: number) => distance.toExponential(1);
  lines.push(`${name}, ${mode}: off by ${off(ours)}, PyTorch's float32 by ${off(theirs)}; logits ±${scale.toPrecision(2)}`);
  return { ours, theirs };
}
