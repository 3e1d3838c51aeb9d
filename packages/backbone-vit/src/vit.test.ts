import { createRng } from '@man/base';
import { countValues, createTrainer, forward, prefixed, sgd } from '@man/core';
import { dgl } from '@man/loss-dgl';
import { infopro } from '@man/loss-infopro';
import { useEngine, withShapes } from '@man/ops';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { vit, vitBase, vitSmall, vitTiny } from './index.ts';

beforeAll(() => useEngine('auto'));

const tiny = { width: 16, depth: 4, heads: 2, inputShape: [16, 16, 3], classes: 5 } as const;

describe('vit', () => {
  // Counts of timm's vit_tiny_patch16_224 and vit_small_patch16_224, and torchvision's vit_b_16.
  it.each([
    [vitTiny, 5_717_416],
    [vitSmall, 22_050_664],
    [vitBase, 86_567_656],
  ])('%o has the published number of parameters', (make, expected) => {
    const count = withShapes(() => {
      const { units, classifier } = make().build(createRng(1));
      const all = [...units, classifier];
      const sum = countValues(prefixed(Object.fromEntries(all.map((unit) => [unit.name, unit.parameters()]))));
      for (const unit of all) unit.dispose();
      return sum;
    });
    expect(count).toBe(expected);
  });

  it('cuts small pictures into small patches, and into equally many layers', () => {
    const backbone = vitTiny({ inputShape: [32, 32, 3], classes: 10 });
    const { units, classifier } = backbone.build(createRng(1));
    expect(units.map(({ name }) => name)).toEqual(['stem', ...Array.from({ length: 12 }, (_, i) => `layer${i}`)]);
    expect(units.at(-1)?.outputShape).toEqual([65, 192]);
    expect(Object.keys(backbone.partitions)).toEqual(['2', '3', '4', '6', '12', '13']);
    expect(backbone.partitions[4]).toEqual(['layer2', 'layer5', 'layer8']);
    for (const unit of [...units, classifier]) unit.dispose();
  });

  it.each([
    ['dgl', dgl()],
    ['infopro', infopro()],
    ['infopro that contrasts', infopro({ mode: 'contrast' })],
  ])('trains in blocks with %s and MAN, and leaves nothing behind', (_, loss) => {
    const before = tf.memory().numTensors;
    const trainer = createTrainer({
      backbone: vit(tiny),
      partition: { blocks: 4 },
      loss,
      plugins: [man()],
      optimizer: sgd(),
      schedule: () => 0.05,
      seed: 2,
    });
    const images = tf.randomNormal([8, 16, 16, 3], 0, 1, 'float32', 4);
    const pixels = tf.sigmoid<tf.Tensor>(images);
    const batch = { images, labels: tf.tensor1d([0, 1, 2, 3, 4, 0, 1, 2], 'int32'), pixels };
    for (let i = 0; i < 8; i++) trainer.step(batch);
    const metrics = trainer.readMetrics();
    const losses = metrics.map(({ blocks }) => blocks.map(({ loss }) => loss));
    expect(losses[0]).toHaveLength(4);
    for (const [block, first] of (losses[0] as number[]).entries()) expect(losses[7]?.[block], `block ${block}`).toBeLessThan(first);
    tf.dispose([images, batch.labels, pixels]);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('heeds places: shuffled patches give other logits', () => {
    const { units, classifier } = vit(tiny).build(createRng(3));
    tf.tidy(() => {
      const images = tf.randomNormal([1, 16, 16, 3], 0, 1, 'float32', 5);
      const turned = tf.concat([tf.slice(images, [0, 8, 0, 0]), tf.slice(images, [0, 0, 0, 0], [1, 8, 16, 3])], 1);
      const logits = (x: tf.Tensor) => forward([...units, classifier], x, false).dataSync();
      expect(Math.abs((logits(images)[0] as number) - (logits(turned)[0] as number))).toBeGreaterThan(1e-5);
    });
    for (const unit of [...units, classifier]) unit.dispose();
  });

  it.each([
    [{ heads: 5, width: 16 }, 'heads'],
    [{ depth: 0 }, 'depth'],
    [{ patch: 5 }, 'inputShape'],
    [{ inputShape: [224, 224] }, 'inputShape'],
    [{ classes: 1 }, 'classes'],
  ])('refuses %j', (options, name) => {
    expect(() => vit(options)).toThrow(expect.objectContaining({ code: 'MAN_VIT_OPTION', message: expect.stringContaining(name) }));
  });
});
