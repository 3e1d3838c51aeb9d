import { resnet, resnet32, resnet110 } from '@man/backbone-resnet';
import { vgg } from '@man/backbone-vgg';
import { vit } from '@man/backbone-vit';
import { createRng } from '@man/base';
import {
  type AuxiliaryNetwork,
  auxSite,
  type Backbone,
  type CutSite,
  countValues,
  createTrainer,
  cutIntoBlocks,
  type Network,
  type PartitionOptions,
} from '@man/core';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import { lossConformance, runConformance } from '@man/testkit';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type AugLocalOptions, auglocal } from './index.ts';

beforeAll(() => useEngine('auto'));

describe.each<AugLocalOptions>([{}, { depth: 1 }])('auglocal %j', (options) => {
  runConformance(
    lossConformance(() => auglocal(options)),
    { test },
  );
});

describe.each([[[9, 4]], [[6]]])('auglocal of features %j', (featureShape) => {
  runConformance(
    lossConformance(() => auglocal({ depth: 2 }), { featureShape }),
    { test },
  );
});

/** The auxiliary networks of all blocks but the last. */
function withAux<R>(backbone: Backbone, partition: PartitionOptions, options: AugLocalOptions, f: (aux: AuxiliaryNetwork[]) => R): R {
  const network: Network = backbone.build(createRng(1));
  const blocks = cutIntoBlocks(backbone, network, partition);
  const aux = blocks.slice(1).map((_, i) => auglocal(options).build(auxSite(blocks, i, backbone, createRng(2).split(`${i}`))));
  const result = f(aux);
  for (const part of [...network.units, network.classifier, ...aux]) part.dispose();
  return result;
}

/** Channels behind each copied convolutional unit. */
const widthsOf = (aux: AuxiliaryNetwork) =>
  Object.entries(aux.parameters()).flatMap(([name, { shape }]) => (/^unit\d+\.conv(2)?\.weight$/.test(name) ? [shape[3]] : []));

describe('auglocal', () => {
  it('takes units that fit, as evenly as they do, fewer from block to block', () => {
    withAux(resnet({ depth: 32, width: 4, inputShape: [8, 8, 3] }), { blocks: 16 }, {}, (aux) => {
      const widths = aux.map(widthsOf);
      expect(widths.map(({ length }) => length)).toEqual([5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 3, 3, 2, 1]);
      expect(widths[0]).toEqual([4, 8, 8, 16, 16]);
      expect(widths[5]).toEqual([8, 8, 16, 16]);
      expect(widths[10]).toEqual([16, 16, 16, 16]);
    });
  });

  it('has as many for all with pyramid: 0, down to one with 1', () => {
    const backbone = resnet({ depth: 32, width: 2, inputShape: [8, 8, 3] });
    const counts = (pyramid: number) =>
      withAux(backbone, { blocks: 8 }, { depth: 3, pyramid }, (aux) => aux.map((a) => widthsOf(a).length));
    expect(counts(0)).toEqual([3, 3, 3, 3, 3, 3, 2]);
    expect(counts(1)).toEqual([3, 3, 2, 2, 2, 1, 1]);
  });

  // Counted by tools/peer from PyTorch's modules, whose widths follow the authors' rule.
  it.each<[string, () => Backbone, number, AugLocalOptions, number]>([
    ['ResNet-32', resnet32, 16, { depth: 2 }, 1_619_734],
    ['ResNet-32', resnet32, 16, {}, 2_915_222],
    ['ResNet-110', resnet110, 55, { depth: 3 }, 7_649_692],
    ['ResNet-110', resnet110, 55, {}, 11_595_868],
  ])('adds to %s what the paper’s networks have', (_, backbone, blocks, options, expected) => {
    const count = (aux: AuxiliaryNetwork[]) => aux.reduce((sum, each) => sum + countValues(each.parameters()), 0);
    expect(withAux(backbone(), { blocks }, options, count)).toBe(expected);
  });

  it('counts its multiplications', () => {
    withAux(resnet({ depth: 8, width: 4, inputShape: [8, 8, 3] }), { blocks: 4 }, { depth: 2 }, ([first]) => {
      // 4 → 8 and 8 → 16 channels, each at half the size before, with a 1×1 convolution beside, then 16 → 10.
      const unit = (pixels: number, a: number, b: number) => pixels * (9 * a * b + 9 * b * b + a * b);
      expect(first?.macs?.()).toBe(unit(16, 4, 8) + unit(4, 8, 16) + 160);
    });
  });

  it('goes as far as one unit can where its place is out of reach', () => {
    // From stage 1 no unit leads to the widths of stage 3.
    withAux(resnet({ depth: 20, width: 4, inputShape: [8, 8, 3] }), { blocks: 10 }, { depth: 1 }, (aux) => {
      expect(aux.map((each) => widthsOf(each))).toEqual([[8], [8], [8], [8], [16], [16], [16], [16], [16]]);
      expect(Object.keys((aux[0] as AuxiliaryNetwork).parameters())).toContain('bn.weight');
    });
  });

  it.each<[string, Backbone, PartitionOptions]>([
    ['VGG', vgg({ depth: 11, width: 4, hidden: 8, inputShape: [32, 32, 3], classes: 3 }), { blocks: 3, balanced: 'compute' }],
    ['ViT', vit({ depth: 4, width: 12, heads: 2, inputShape: [16, 16, 3], classes: 3 }), { blocks: 3, balanced: 'memory' }],
  ])('trains %s with MAN in front, from weights of its own', (_, backbone, partition) => {
    const before = tf.memory().numTensors;
    const trainer = createTrainer({ backbone, partition, loss: auglocal({ depth: 2 }), plugins: [man()] });
    const copied = Object.keys(trainer.variables()).filter((name) => /^aux\.0\.unit\d/.test(name));
    expect(copied.length).toBeGreaterThan(0);
    const images = tf.randomNormal([4, ...backbone.inputShape], 0, 1, 'float32', 1);
    const batch = { images, labels: tf.tensor1d([0, 1, 2, 0], 'int32') };
    for (let step = 0; step < 6; step++) trainer.step(batch, { learningRate: 0.05 });
    const losses = trainer.readMetrics().map(({ blocks }) => blocks[0]?.loss as number);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    trainer.dispose();
    tf.dispose([images, batch.labels]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('draws its weights, and leaves the units that it is like alone', () => {
    const backbone = resnet({ depth: 8, width: 4, inputShape: [8, 8, 3] });
    const network = backbone.build(createRng(1));
    const blocks = cutIntoBlocks(backbone, network, { blocks: 4 });
    const own = network.units[1]?.parameters()['conv2.weight'] as tf.Variable;
    const aux = auglocal({ depth: 3 }).build(auxSite(blocks, 0, backbone, createRng(2)));
    const copy = aux.parameters()['unit1.conv2.weight'] as tf.Variable;
    expect(copy.shape).toEqual(own.shape);
    expect([...copy.dataSync()]).not.toEqual([...own.dataSync()]);
    aux.dispose();
    expect(own.isDisposed).toBe(false);
    for (const unit of [...network.units, network.classifier]) unit.dispose();
  });

  it('tells what it has chosen', () => {
    expect(auglocal().describe?.(16)).toBe('auxiliary networks of 5 later units, where there are as many, down to 3');
    expect(auglocal({ depth: 2 }).describe?.(2)).toBe('auxiliary networks of 2 later units, where there are as many, down to 2');
  });

  it('asks for two pictures behind one unit, for features that it can pool, and for options that it knows', () => {
    withAux(resnet({ depth: 8, width: 4, inputShape: [8, 8, 3] }), { blocks: 4 }, { depth: 1 }, ([aux]) => {
      const features = tf.zeros([1, 8, 8, 4]);
      const labels = tf.tensor1d([0], 'int32');
      expect(() => aux?.loss(features, { images: features, labels })).toThrow(expect.objectContaining({ code: 'MAN_AUGLOCAL_BATCH' }));
      tf.dispose([features, labels]);
    });
    for (const options of [{ depth: 0 }, { depth: 1.5 }, { pyramid: -0.1 }, { pyramid: Number.NaN }])
      expect(() => auglocal(options)).toThrow(expect.objectContaining({ code: 'MAN_AUGLOCAL_OPTION' }));
    const cut = (featureShape: number[]) => ({ featureShape }) as unknown as CutSite;
    expect(auglocal().objection?.(cut([8, 8, 4]))).toBeNull();
    expect(auglocal().objection?.(cut([2, 2, 2, 4]))).toBe('takes pictures, tokens or vectors, and is given features of shape [2,2,2,4]');
  });

  it('says which shapes it cannot pool', () => {
    const unit = { name: 'unit' } as never;
    const block = { index: 0, units: [unit], outputShape: [2, 2, 2, 4] } as const;
    const site = {
      block,
      next: block,
      following: [],
      featureShape: [2, 2, 2, 4],
      imageShape: [8, 8, 3],
      classes: 3,
      depth: 2,
      rng: createRng(1),
    };
    expect(() => auglocal().build(site)).toThrow(expect.objectContaining({ code: 'MAN_AUGLOCAL_SHAPE' }));
  });
});
