import { createRng } from '@man/base';
import type { AuxSite, Batch, CutSite, LocalBlock } from '@man/core';
import { countValues } from '@man/core';
import { useEngine, withShapes } from '@man/ops';
import { lossConformance, runConformance } from '@man/testkit';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type InfoProDataset, type InfoProOptions, type InfoProPreset, infopro, type LambdaRange, lambdasAt, presetFor } from './index.ts';

function siteOf(options: Partial<Omit<AuxSite, 'block' | 'next'>> & { index?: number; nextStage?: number } = {}): AuxSite {
  const { index = 0, nextStage = 1, ...rest } = options;
  const unit = { name: 'unit', stage: nextStage } as unknown as LocalBlock['units'][0];
  const block = (i: number): LocalBlock => ({ index: i, units: [unit], outputShape: [32, 32, 16] });
  return {
    block: block(index),
    next: block(index + 1),
    following: [],
    featureShape: [32, 32, 16],
    imageShape: [32, 32, 3],
    classes: 10,
    depth: 16,
    rng: createRng(1),
    ...rest,
  };
}

const count = (variables: Readonly<Record<string, tf.Variable>>, prefix: string) =>
  countValues(Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith(prefix))));

/** The same weights in every block. */
const even = (reconstruction: number, classification: number): LambdaRange => ({
  first: { reconstruction, classification },
  last: { reconstruction, classification },
});

beforeAll(() => useEngine('auto'));

describe.each<[string, InfoProOptions]>([
  ['by default', {}],
  ['with two convolutions', { head: '2c2f' }],
  ['that contrasts', { mode: 'contrast' }],
])('infopro %s', (_, options) => {
  runConformance(
    lossConformance(() => infopro(options)),
    { test },
  );
});

describe('infopro', () => {
  it.each([
    [[32, 32, 16], 10_186, 19_466, 25_408, 2091],
    [[16, 16, 32], 28_170, 65_162, 43_392, 3819],
    [[8, 8, 64], 46_602, 83_594, 61_824, 7275],
  ])('has the published number of parameters behind features of %j', (featureShape, oneConvolution, twoConvolutions, contrast, decoder) => {
    for (const [options, size] of [
      [{ head: '1c2f' }, oneConvolution],
      [{ head: '2c2f' }, twoConvolutions],
      [{ mode: 'contrast' }, contrast],
    ] as const) {
      const aux = infopro(options).build(siteOf({ featureShape }));
      expect(count(aux.parameters(), 'head.')).toBe(size);
      expect(count(aux.parameters(), 'decoder.')).toBe(decoder);
      aux.dispose();
    }
  });

  const imageNet = (featureShape: number[]) => siteOf({ featureShape, imageShape: [224, 224, 3], classes: 1000 });

  it.each([
    [[28, 28, 512], 4_643_560, 106_699],
    [[14, 14, 1024], 5_135_336, 232_011],
  ])('has the published number of parameters for ImageNet behind features of %j', (featureShape, head, decoder) => {
    withShapes(() => {
      const aux = infopro().build(imageNet(featureShape));
      expect([count(aux.parameters(), 'head.'), count(aux.parameters(), 'decoder.')]).toEqual([head, decoder]);
      aux.dispose();
    });
  });

  /** Multiplications of auxiliary networks behind features of these shapes. */
  const macs = (shapes: readonly number[][], site: (shape: number[]) => AuxSite, options: InfoProOptions = {}) =>
    withShapes(() =>
      shapes.reduce((sum, shape) => {
        const aux = infopro(options).build(site(shape));
        aux.dispose();
        return sum + (aux.macs?.() ?? Number.NaN);
      }, 0),
    );

  it('costs the share of the network’s multiplications that its authors print', () => {
    const large = macs([[28, 28, 512]], imageNet);
    for (const [network, percent] of [[7_801_405_440, 5.73], [11_513_626_624, 3.88], [16_414_015_488, 2.72]] as const) // biome-ignore format: one line
      expect((100 * large) / network).toBeCloseTo(percent, 2);
    const ofResNet110 = (shapes: number[][]) =>
      (100 * macs(shapes, (featureShape) => siteOf({ featureShape }), { mode: 'contrast' })) / 253_149_824;
    expect(ofResNet110([[32, 32, 16]])).toBeCloseTo(1.3, 2);
    expect(ofResNet110([[32, 32, 16], [16, 16, 32]])).toBeCloseTo(3.31, 2); // biome-ignore format: one line
  });

  it('takes the networks for ImageNet from an eighth of the picture’s size on, unless told otherwise', () => {
    const first = (featureShape: number[], options: InfoProOptions = {}) =>
      withShapes(() => {
        const aux = infopro(options).build(imageNet(featureShape));
        const { 'head.conv1.weight': head, 'decoder.conv1.weight': decoder } = aux.parameters();
        aux.dispose();
        return [head?.shape, decoder?.shape];
      });
    // VGG-13's, and the last stage of ResNet-101.
    expect(first([224, 224, 64])).toEqual([[3, 3, 64, 128], [3, 3, 64, 12]]); // biome-ignore format: one line
    expect(first([56, 56, 256])).toEqual([[3, 3, 256, 256], [3, 3, 256, 12]]); // biome-ignore format: one line
    expect(first([28, 28, 512])).toEqual([[1, 1, 512, 128], [1, 1, 512, 128]]); // biome-ignore format: one line
    expect(first([14, 14, 512])).toEqual([[1, 1, 512, 256], [1, 1, 512, 192]]); // biome-ignore format: one line
    expect(first([7, 7, 2048])).toEqual([[1, 1, 2048, 256], [1, 1, 2048, 192]]); // biome-ignore format: one line
    expect(first([14, 14, 512], { head: '1c2f' })).toEqual([[3, 3, 512, 512], [3, 3, 512, 12]]); // biome-ignore format: one line
  });

  it('decodes to pictures of any size', () => {
    for (const [image, feature] of [
      [36, 5],
      [33, 3],
      [20, 1],
    ] as const) {
      // biome-ignore format: one line
      const aux = infopro().build(siteOf({ featureShape: [feature, feature, 4], imageShape: [image, image, 3] }));
      tf.tidy(() => {
        const { terms } = aux.loss(tf.randomNormal([4, feature, feature, 4]), batchOf(image));
        expect(terms.reconstruction?.dataSync()[0]).toBeGreaterThan(0);
      });
      aux.dispose();
    }
  });

  it('costs 0.693 λ1 + 2.303 λ2 when head and decoder say nothing', () => {
    const aux = infopro({ schedule: even(5, 0.5) }).build(siteOf({ featureShape: [8, 8, 4], imageShape: [8, 8, 3] }));
    const silent = /(output|decoder\.conv2)\.(weight|bias)$/;
    for (const [name, variable] of Object.entries(aux.parameters()))
      if (silent.test(name)) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
    tf.tidy(() => {
      const { total, terms } = aux.loss(tf.randomNormal([4, 8, 8, 4]), batchOf(8));
      expect(total.dataSync()[0]).toBeCloseTo(4.617028, 4);
      expect(terms.reconstruction!.dataSync()[0]).toBeCloseTo(Math.LN2, 5);
      expect(terms.classification!.dataSync()[0]).toBeCloseTo(Math.log(10), 5);
    });
    aux.dispose();
  });

  it('contrasts pictures whose features are alike by ln(n - 1), and says nothing of one that is alone', () => {
    const aux = infopro({ mode: 'contrast', schedule: even(0, 1) }).build(siteOf({ featureShape: [8, 8, 4], imageShape: [8, 8, 3] }));
    tf.tidy(() => {
      const features = tf.tile(tf.randomNormal([1, 8, 8, 4]), [4, 1, 1, 1]);
      const value = (labels: number[]) => {
        const { total, terms, logits } = aux.loss(features, { ...batchOf(8), labels: tf.tensor1d(labels, 'int32') });
        expect([Object.keys(terms), logits]).toEqual([['contrast'], undefined]);
        return total.dataSync()[0];
      };
      expect(value([1, 1, 1, 1])).toBeCloseTo(1.098612, 5);
      expect(value([1, 1, 2, 3])).toBeCloseTo(1.098612 / 2, 5);
      expect(value([1, 2, 3, 4])).toBeCloseTo(0, 6);
    });
    aux.dispose();
  });

  it('leaves out a term of weight 0, and what only that needs', () => {
    const site = siteOf({ featureShape: [8, 8, 4], imageShape: [8, 8, 3] });
    for (const [schedule, term, hasLogits] of [
      [even(1, 0), 'reconstruction', false],
      [even(0, 1), 'classification', true],
    ] as const) {
      const aux = infopro({ schedule }).build(site);
      tf.tidy(() => {
        const { terms, logits } = aux.loss(tf.randomNormal([4, 8, 8, 4]), batchOf(8));
        expect([Object.keys(terms), logits !== undefined]).toEqual([[term], hasLogits]);
      });
      aux.dispose();
    }
  });

  it('takes tokens as the picture whose patches they were, without a class token', () => {
    const build = (featureShape: number[]) => infopro({ schedule: even(5, 0.5) }).build(siteOf({ featureShape, imageShape: [8, 16, 3] }));
    const [tokens, picture] = [build([9, 4]), build([2, 4, 4])];
    tf.tidy(() => {
      const x = tf.randomNormal<tf.Rank.R3>([6, 9, 4], 0, 1, 'float32', 3);
      const pixels = tf.randomUniform([6, 8, 16, 3], 0, 1, 'float32', 4);
      const batch = { images: pixels, labels: tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), pixels };
      const expected = picture.loss(tf.reshape(tf.slice(x, [0, 1, 0]), [6, 2, 4, 4]), batch);
      const found = tokens.loss(x, batch);
      expect(found.total.dataSync()).toEqual(expected.total.dataSync());
      expect(found.logits?.dataSync()).toEqual(expected.logits?.dataSync());
    });
    for (const aux of [tokens, picture]) aux.dispose();
  });

  it('asks for pixels, for pictures, and for a term in every block', () => {
    const aux = infopro().build(siteOf({ featureShape: [4, 4, 4], imageShape: [8, 8, 3] }));
    tf.tidy(() => {
      const { images, labels } = batchOf(8);
      expect(() => aux.loss(tf.zeros([4, 4, 4, 4]), { images, labels })).toThrow(expect.objectContaining({ code: 'MAN_INFOPRO_PIXELS' }));
    });
    aux.dispose();
    expect(() => infopro().build(siteOf({ featureShape: [16] }))).toThrow(expect.objectContaining({ code: 'MAN_INFOPRO_SHAPE' }));
    const cut = (featureShape: number[]) => ({ featureShape, imageShape: [32, 32, 3] }) as unknown as CutSite;
    expect(infopro().objection?.(cut([65, 16]))).toBeNull();
    expect(infopro().objection?.(cut([63, 16]))).toBe('decodes pictures, and is given features of shape [63,16]');
    expect(infopro().objection?.(cut([8, 8, 4]))).toBeNull();
    expect(infopro().objection?.(cut([16]))).toBe('decodes pictures, and is given features of shape [16]');
    const nothing = { first: { reconstruction: 1, classification: 1 }, last: { reconstruction: 0, classification: 0 } };
    expect(() => infopro({ schedule: nothing }).build(siteOf({ index: 14 }))).toThrow(
      expect.objectContaining({ code: 'MAN_INFOPRO_OPTION' }),
    );
    for (const options of [
      { head: '3c' },
      { mode: 'cosine' },
      { temperature: 0 },
      { schedule: 'cifar10' },
      { dataset: 'mnist' },
    ] as unknown as InfoProOptions[])
      expect(() => infopro(options)).toThrow(expect.objectContaining({ code: 'MAN_INFOPRO_OPTION' }));
  });
});

describe('schedules', () => {
  const rounded = (value: number) => Math.round(value * 1e5) / 1e5;
  const at = (index: number, depth: number, schedule: Parameters<typeof lambdasAt>[1], nextStage = 1) => {
    const { reconstruction, classification } = lambdasAt(siteOf({ index, depth, nextStage }), schedule);
    return [rounded(reconstruction), rounded(classification)];
  };

  it.each<[InfoProPreset, number[], number[]]>([
    ['cifar10-resnet32-k8', [5, 0], [0, 2]],
    ['cifar10-resnet32-k16', [5, 0.05], [0.2, 0.5]],
    ['cifar10-resnet110-k16', [5, 0], [0.5, 1]],
    ['cifar10-resnet110-k55', [5, 0], [0.5, 1]],
    ['svhn-resnet110-k8', [5, 0], [0.5, 2]],
    ['svhn-resnet110-k16', [5, 0.2], [0.5, 1]],
    ['stl10-resnet110-k8', [20, 0.2], [5, 1]],
    ['stl10-resnet110-k16', [20, 0.5], [10, 0.1]],
    ['imagenet', [5, 0.75], [5, 0.75]],
    ['imagenet-resnet152-k2', [5, 1], [5, 1]],
  ])('%s goes from %j to %j', (preset, first, last) => {
    expect([at(0, 16, preset), at(14, 16, preset), at(0, 2, preset)]).toEqual([first, last, first]);
  });

  it('interpolate by the block', () => {
    expect(at(7, 16, 'cifar10-resnet32-k16')).toEqual([2.6, 0.275]);
    expect(at(3, 8, 'cifar10-resnet32-k8')).toEqual([2.5, 1]);
  });

  it('are chosen by data set and the nearest number of blocks', () => {
    const chosen = (dataset: InfoProDataset) => [2, 8, 11, 12, 16, 32, 55].map((blocks) => presetFor(dataset, blocks).replace(/^.*-/, ''));
    expect(chosen('cifar10')).toEqual(['k8', 'k8', 'k8', 'k16', 'k16', 'k55', 'k55']);
    expect(chosen('svhn')).toEqual(['k8', 'k8', 'k8', 'k16', 'k16', 'k16', 'k16']);
    expect(chosen('stl10')).toEqual(chosen('svhn'));
    expect(presetFor('imagenet', 4)).toBe('imagenet');
  });

  it('are told, and followed', () => {
    const described = (options: InfoProOptions, blocks = 16) => infopro(options).describe?.(blocks);
    expect(described({})).toBe('schedule cifar10-resnet32-k16: reconstruction 5 to 0.2, classification 0.05 to 0.5');
    expect(described({ dataset: 'stl10', mode: 'contrast' }, 8)).toBe(
      'schedule stl10-resnet110-k8: reconstruction 20 to 5, contrast 0.2 to 1',
    );
    expect(described({ schedule: even(1, 2) })).toBe('schedule: reconstruction 1, classification 2');
    expect(described({ schedule: 'man-release' })).toMatch(/^schedule man-release: .* 0\.5 to 0, by stage$/);
    const aux = infopro({ dataset: 'imagenet' }).build(siteOf({ featureShape: [8, 8, 4], imageShape: [8, 8, 3], depth: 4 }));
    tf.tidy(() => {
      const { total, terms } = aux.loss(tf.randomNormal([4, 8, 8, 4]), batchOf(8));
      const [reconstruction, classification] = [terms.reconstruction, terms.classification].map((term) => term!.dataSync()[0] as number);
      expect(total.dataSync()[0]).toBeCloseTo(5 * reconstruction! + 0.75 * classification!, 4);
    });
    aux.dispose();
  });

  it('follow the stage of the unit behind, as MAN’s released code does, where that leaves a weight', () => {
    const release = (depth: number) => [1, 2, 3].map((stage) => at(0, depth, 'man-release', stage));
    expect(release(16)).toEqual([[4.64286, 0.46429], [4.28571, 0.42857], [3.92857, 0.39286]]); // biome-ignore format: one line
    expect(release(8)).toEqual([[4.16667, 0.41667], [3.33333, 0.33333], [2.5, 0.25]]); // biome-ignore format: one line
    for (const depth of [3, 4, 5])
      expect(() => at(0, depth, 'man-release', 3)).toThrow(expect.objectContaining({ code: 'MAN_INFOPRO_OPTION' }));
  });
});

function batchOf(size: number): Batch {
  return {
    images: tf.randomNormal([4, size, size, 3]),
    labels: tf.tensor1d([1, 2, 3, 4], 'int32'),
    pixels: tf.randomUniform([4, size, size, 3]),
  };
}
