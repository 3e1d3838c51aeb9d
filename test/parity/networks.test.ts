/** Narrow networks of every sort of unit, filled with weights that PyTorch wrote, against its logits; at full size: networks.long.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageNetResNet } from '@man/backbone-resnet';
import { resnext } from '@man/backbone-resnext';
import { vgg } from '@man/backbone-vgg';
import { vit } from '@man/backbone-vit';
import { type EngineName, useEngine } from '@man/ops';
import { readSafetensors, type StoredTensor } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectStatistics, filled, MODES, missed } from './filled.ts';

/** By hand: `MAN_PARITY_ENGINE=wasm` (or cpu) compares another engine than the machine's fastest. */
const engine = (process.env.MAN_PARITY_ENGINE ?? 'auto') as EngineName | 'auto';
const common = { inputShape: [64, 48, 3], classes: 5, width: 2 };
const networks = {
  resnet18: () => imageNetResNet({ depth: 18, ...common }),
  resnet50: () => imageNetResNet({ depth: 50, ...common }),
  resnext50: () => resnext({ depth: 50, groups: 2, widthPerGroup: 2, ...common }),
  vgg11: () => vgg({ depth: 11, hidden: 8, ...common }),
  vit: () => vit({ ...common, width: 8, depth: 2, heads: 2, patch: 8 }),
};

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/networks/${name}.safetensors`, import.meta.url));
const read = async (name: string) => (await readSafetensors(fixture(name))).tensors;

let folder: string;
let tensorsBefore = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-networks-'));
  await useEngine(engine);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors, 'tensors left behind').toBe(tensorsBefore);
});

describe('narrow networks filled by PyTorch', () => {
  it.each(Object.entries(networks))('%s gives its logits, and its running statistics', async (name, make) => {
    const images = (await read('pictures')).images as StoredTensor;
    const reference = await read(`${name}.logits`);
    const network = await filled(make(), fixture(name));
    for (const mode of MODES) {
      const { most, scale } = missed(network, images, reference, mode);
      expect(most / scale, mode).toBeLessThan(1e-4);
    }
    await expectStatistics(network, fixture(name), reference, join(folder, `${name}.safetensors`));
    network.dispose();
  });
});
