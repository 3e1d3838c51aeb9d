import { createRng } from '@man/base';
import type { AuxSite, Batch, CutSite, LocalBlock } from '@man/core';
import { countValues } from '@man/core';
import { useEngine } from '@man/ops';
import { lossConformance, runConformance } from '@man/testkit';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type DglHead, dgl } from './index.ts';

function siteOf(featureShape: readonly number[], classes = 10): AuxSite {
  const unit = { name: 'unit' } as unknown as LocalBlock['units'][0];
  const block = (index: number): LocalBlock => ({ index, units: [unit], outputShape: featureShape });
  return {
    block: block(0),
    next: block(1),
    following: [unit],
    featureShape,
    imageShape: [32, 32, 3],
    classes,
    depth: 16,
    rng: createRng(1),
  };
}

const batchOf = (n: number): Batch => ({
  images: tf.zeros([n, 1]),
  labels: tf.tensor1d(Array.from({ length: n }, (_, i) => i), 'int32'), // biome-ignore format: one line
});

/** Multiplications of a head, by the formula: the convolutions on m² pixels, then the linear layers. */
const multiplications = (pixels: number, layers: readonly (readonly [number, number])[], linear: readonly (readonly [number, number])[]) =>
  pixels * layers.reduce((sum, [a, b]) => sum + a * b, 0) + linear.reduce((sum, [a, b]) => sum + a * b, 0);

beforeAll(() => useEngine('auto'));

describe.each(['auglocal', 'original'] as const)('dgl with the head %s', (head) => {
  runConformance(
    lossConformance(() => dgl({ head })),
    { test },
  );
});

describe.each([[[9, 4]], [[6]]])('dgl of features %j', (featureShape) => {
  runConformance(
    lossConformance(() => dgl(), { featureShape }),
    { test },
  );
});

describe('dgl', () => {
  // Counts of the modules of AugLocal, DGL and MAN++.
  it.each<[shape: number[], classes: number, Record<DglHead, number> | Omit<Record<DglHead, number>, 'manpp'>]>([
    [[32, 32, 16], 10, { auglocal: 9962, original: 14_378, manpp: 635_146 }],
    [[16, 16, 32], 10, { auglocal: 37_834, original: 54_858, manpp: 637_194 }],
    [[8, 8, 64], 10, { auglocal: 147_338, original: 214_154, manpp: 641_290 }],
    [[56, 56, 64], 1000, { auglocal: 401_768, original: 468_584 }],
    [[28, 28, 128], 1000, { auglocal: 1_089_256, original: 1_353_960 }],
    // Without places: 2·(16² + 2·16), 3·(16² + 3·16) and 512·(16 + 3) + 2·512·(512 + 3), then 10 classes.
    [[16], 10, { auglocal: 746, original: 1082, manpp: 542_218 }],
  ])('has the published numbers of parameters behind features of %j', (shape, classes, expected) => {
    for (const [head, size] of Object.entries(expected)) {
      const aux = dgl({ head: head as DglHead }).build(siteOf(shape, classes));
      expect([head, countValues(aux.parameters())]).toEqual([head, size]);
      aux.dispose();
    }
  });

  it('counts its multiplications', () => {
    const macs = (head: DglHead, shape: number[]) => {
      const aux = dgl({ head }).build(siteOf(shape));
      const count = aux.macs?.();
      aux.dispose();
      return count;
    };
    const square = (n: number) => [n, n] as const;
    expect(macs('auglocal', [32, 32, 16])).toBe(
      multiplications(64, [square(16), square(16), square(16)], [square(64), square(64), [64, 10]]),
    );
    expect(macs('original', [14, 14, 8])).toBe(
      multiplications(16, [square(8), square(8), square(8)], [square(32), square(32), square(32), [32, 10]]),
    );
    expect(macs('manpp', [16, 16, 32])).toBe(
      multiplications(64, [[32, 128], square(128), square(128)], [[128, 512], square(512), square(512), [512, 10]]),
    );
  });

  it('leaves no more than one pixel to features of 4×4 and less', () => {
    const aux = dgl().build(siteOf([4, 4, 8]));
    expect(aux.parameters()['head.hidden1.linear.weight']?.shape).toEqual([8, 8]);
    aux.dispose();
  });

  it.each<[DglHead, number[]]>([
    ['auglocal', [7, 5, 4]],
    ['original', [14, 14, 4]],
    ['manpp', [6, 6, 4]],
    ['auglocal', [5]],
    ['original', [17, 4]],
    ['manpp', [17, 4]],
  ])('%s costs ln 10 where its output says nothing', (head, shape) => {
    const aux = dgl({ head }).build(siteOf(shape));
    tf.tidy(() => {
      for (const name of ['head.output.weight', 'head.output.bias']) {
        const variable = aux.parameters()[name] as tf.Variable;
        variable.assign(tf.zerosLike(variable));
      }
    });
    tf.tidy(() => {
      expect(aux.loss(tf.randomNormal([3, ...shape]), batchOf(3)).total.dataSync()[0]).toBeCloseTo(Math.log(10), 5);
    });
    aux.dispose();
  });

  it('asks for two pictures, for features of pictures, tokens or vectors, and for a head that it knows', () => {
    const aux = dgl().build(siteOf([4, 4, 4]));
    tf.tidy(() => {
      expect(() => aux.loss(tf.zeros([1, 4, 4, 4]), batchOf(1))).toThrow(
        expect.objectContaining({ code: 'MAN_DGL_BATCH', hint: expect.stringContaining('dropLast') }),
      );
    });
    aux.dispose();
    expect(() => dgl().build(siteOf([2, 2, 2, 4]))).toThrow(expect.objectContaining({ code: 'MAN_DGL_SHAPE' }));
    expect(() => dgl({ head: 'mlp' as DglHead })).toThrow(expect.objectContaining({ code: 'MAN_DGL_OPTION' }));
    const cut = (featureShape: number[]) => ({ featureShape }) as unknown as CutSite;
    expect(dgl().objection?.(cut([8, 8, 4]))).toBeNull();
    expect(dgl().objection?.(cut([16]))).toBeNull();
    expect(dgl().objection?.(cut([2, 2, 2, 4]))).toBe('takes pictures, tokens or vectors, and is given features of shape [2,2,2,4]');
  });
});
