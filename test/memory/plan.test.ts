import { fewestBlocks, largestBatch, planMemory } from '@man/analysis';
import { resnet } from '@man/backbone-resnet';
import { createTrainer } from '@man/core';
import { infopro } from '@man/loss-infopro';
import { useEngine } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { measure, methods } from './methods.ts';

/** Kernels of our own where they were compiled. */
const forms = (await useEngine('auto')).name === 'tensorflow' ? (['native', 'tensorflow'] as const) : [];

describe.each(forms)('planMemory, %s kernels', (kernels) => {
  it.each(['end to end', 'InfoPro + MAN', 'DGL + MAN', 'InfoPro + MAN++', 'AugLocal + MAN'])('foresees ResNet-32, %s', async (name) => {
    const create = methods[name]!;
    const started = await useEngine('tensorflow', kernels === 'native' ? {} : { kernels });
    if (started.kernels !== kernels) return expect(started.kernels).toBe('tensorflow');
    const tensors = tf.memory().numTensors;
    const plan = planMemory(create, { batch: 4, kernels });
    expect([tf.memory().numTensors, tf.getBackend()]).toEqual([tensors, 'tensorflow']);
    const { peak, blocks } = measure(create, 4);
    // A few numbers of losses that are kept until they are read, and the shapes that operations are told.
    expect(Math.abs(plan.peakTensorBytes - peak)).toBeLessThan(1500);
    expect(plan.blocks).toHaveLength(blocks.length);
    blocks.forEach((bytes, i) => {
      expect(Math.abs((plan.blocks[i]?.peakTensorBytes as number) - bytes)).toBeLessThan(1500);
    });
    expect(plan.processBytes).toBeGreaterThan(plan.peakTensorBytes - 3 * plan.heldBytes);
  });
});

describe('planMemory', () => {
  const local = (blocks: number) =>
    createTrainer({ backbone: resnet({ depth: 32 }), partition: { blocks }, ...(blocks > 1 ? { loss: infopro() } : {}) });

  it('sees local learning save memory, and memory grow with the batch', () => {
    const peak = (blocks: number, batch: number) => planMemory(() => local(blocks), { batch }).peakTensorBytes;
    expect(peak(16, 64)).toBeLessThan(0.5 * peak(1, 64));
    const [one, two, three] = [64, 128, 192].map((batch) => peak(16, batch)) as [number, number, number];
    expect(three - two).toBe(two - one);
  });

  it('finds the largest batch and the fewest blocks that fit', () => {
    const room = { bytes: 500e6, of: 'peakTensorBytes' } as const;
    const found = largestBatch(() => local(1), room);
    expect(found?.peakTensorBytes).toBeLessThanOrEqual(500e6);
    expect(planMemory(() => local(1), { batch: (found?.batch as number) + 1 }).peakTensorBytes).toBeGreaterThan(500e6);
    const batch = (found?.batch as number) + 1;
    expect(fewestBlocks(local, [16, 8, 1], { ...room, batch })?.blocks).toBe(8);
    expect(fewestBlocks(local, [1], { ...room, batch })).toBeNull();
    expect(largestBatch(() => local(1), { bytes: 1e6 })).toBeNull();
  });

  it('refuses a batch that cannot be trained on', () => {
    expect(() => planMemory(() => local(1), { batch: 1 })).toThrow(/≥ 2, got 1/);
    expect(() => largestBatch(() => local(1), { bytes: -1 })).toThrow(/bytes/);
  });
});
