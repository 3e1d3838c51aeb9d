import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { isShapesOnly, measurePeakBytes, tensorOf, unfilled, useEngine, withShapes } from './index.ts';

beforeAll(() => useEngine('auto'));

/** Stock operations, each with what it is applied to. */
const operations: Readonly<Record<string, (x: tf.Tensor4D, rows: tf.Tensor2D) => tf.Tensor | tf.Tensor[]>> = {
  broadcasts: (x, rows) => tf.add(x, tf.sum(rows, 0)),
  compares: (x) => tf.greater(x, 0),
  means: (x) => tf.mean(x, [1, 2]),
  'keeps axes': (x) => tf.max(x, 3, true),
  'finds the largest': (_, rows) => tf.argMax(rows, 1),
  transposes: (x) => tf.transpose(x, [3, 0, 1, 2]),
  tiles: (_, rows) => tf.tile(rows, [2, 3]),
  stacks: (_, rows) => tf.stack([rows, rows], 1),
  unstacks: (_, rows) => tf.unstack(rows, 1),
  joins: (x) => tf.concat([x, x, x], -1),
  splits: (x) => tf.split(x, [1, 3], 3),
  slices: (x) => tf.slice(x, [0, 1, 2, 0], [2, 2, -1, 4]),
  strides: (x) => tf.stridedSlice(x, [0, 1, 0, 0], [2, 5, 6, 4], [1, 2, 2, 1]),
  pads: (x) => tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]]), // biome-ignore format: one line
  multiplies: (_, rows) => tf.matMul(rows, rows, false, true),
  convolves: (x) => tf.conv2d(x, tf.ones([3, 3, 4, 5]) as tf.Tensor4D, 2, 'same'),
  'convolves channels': (x) => tf.depthwiseConv2d(x, tf.ones([3, 3, 4, 2]) as tf.Tensor4D, 1, 'valid'),
  pools: (x) => tf.maxPool(x, 2, 2, 'valid'),
  casts: (x) => tf.cast(x, 'int32'),
  'reshapes by what is left': (x) => tf.reshape(x, [2, -1, 4]),
  'expands axes': (_, rows) => tf.expandDims(rows, -1),
  'encodes labels': () => tf.oneHot(tf.tensor1d([0, 2], 'int32'), 3),
  gathers: (_, rows) => tf.gather(rows, tf.tensor1d([1, 1, 0], 'int32')),
  fills: () => tf.fill([2, 3], 7),
  chooses: (_, rows) => tf.where(tf.greater(rows, 0), rows, tf.zerosLike(rows)),
  softmax: (_, rows) => tf.logSoftmax(rows),
};

describe('withShapes', () => {
  const about = (f: () => tf.Tensor | tf.Tensor[]) =>
    tf.tidy(() => [f()].flat().map(({ shape, dtype }) => ({ shape: [...shape], dtype })) as never);

  it.each(Object.keys(operations))('%s as the engine that computes', (name) => {
    const f = operations[name]!;
    const computed = about(() => f(tf.ones([2, 6, 6, 4]), tf.ones([2, 4])));
    const known = withShapes(() =>
      about(() => f(unfilled([2, 6, 6, 4], 'float32') as tf.Tensor4D, unfilled([2, 4], 'float32') as tf.Tensor2D)),
    );
    expect(known).toEqual(computed);
  });

  it('counts what is alive without taking it', () => {
    const before = tf.memory().numBytes;
    const peak = withShapes(() => {
      const x = unfilled([1e5, 1e5], 'float32');
      const { peakBytes } = measurePeakBytes(() => tf.tidy(() => tf.sum(tf.square(x))).dispose());
      x.dispose();
      return peakBytes;
    });
    expect(peak - before).toBe(2 * 4e10 + 4);
    expect(tf.memory().numBytes).toBe(before);
  });

  it('comes back to the engine before, also behind an error', () => {
    const engine = tf.getBackend();
    expect(() =>
      withShapes(() => {
        expect([isShapesOnly(), tf.getBackend()]).toEqual([true, 'shapes']);
        throw new Error('on the way');
      }),
    ).toThrow('on the way');
    expect([isShapesOnly(), tf.getBackend()]).toEqual([false, engine]);
  });

  it('asks for values only where there is somebody to take them', () => {
    const asked: string[] = [];
    const values = (where: string) => () => {
      asked.push(where);
      return new Float32Array(2);
    };
    withShapes(() => tensorOf([2], values('shapes')).dispose());
    tensorOf([2], values('engine')).dispose();
    expect(asked).toEqual(['engine']);
  });

  it('tells of the process: blocks that are used again, and room for sums', () => {
    const taken = withShapes(
      (bytes) => {
        const x = unfilled([1 << 20], 'float32');
        const empty = bytes();
        x.dispose();
        unfilled([1 << 19], 'float32').dispose();
        return { empty, after: bytes() };
      },
      { threads: 2 },
    );
    expect(taken.empty).toEqual({ arena: 0, others: 4 << 20, large: 0, workspace: 0 });
    expect(taken.after).toEqual(taken.empty);
  });
});
