import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ops from './index.ts';

beforeAll(() => ops.useEngine('auto'));

describe('startProfiler', () => {
  const work = () =>
    tf.tidy(() => {
      const x = tf.ones([4, 8, 8, 3]);
      ops.span('layer', () => ops.relu(ops.conv2d(x, tf.ones([3, 3, 3, 5]), { padding: 1 })));
    });

  it('records operations with time, results and what they ran inside', () => {
    const profiler = ops.startProfiler();
    work();
    const profile = profiler.stop();
    const relu = profile.events.find(({ name }) => name === 'ManRelu');
    expect(relu).toMatchObject({ kind: 'kernel', bytes: 4 * 8 * 8 * 5 * 4, shapes: [[4, 8, 8, 5]] });
    const layer = profile.events.find(({ name }) => name === 'layer')!;
    expect(layer.kind).toBe('span');
    expect(relu!.startUs).toBeGreaterThanOrEqual(layer.startUs);
    expect(relu!.startUs + relu!.durationUs).toBeLessThanOrEqual(layer.startUs + layer.durationUs);
    // Nothing is counted twice: own times add up to the time of what stands outermost.
    const outermost = profile.events.filter((event) => !profile.events.some((other) => other !== event && isInside(event, other)));
    const own = profile.events.reduce((sum, { selfUs }) => sum + selfUs, 0);
    expect(own).toBeCloseTo(
      outermost.reduce((sum, { durationUs }) => sum + durationUs, 0),
      3,
    );
    expect(profile.durationUs).toBeGreaterThanOrEqual(own);
  });

  it('sums up by name, longest first, and leaves everything as it was', () => {
    const before = [tf.engine().runKernel, (tf.engine() as unknown as { runKernelFunc: unknown }).runKernelFunc];
    const profiler = ops.startProfiler();
    work();
    work();
    const { rows } = profiler.stop();
    expect(rows.find(({ name }) => name === 'ManRelu')).toMatchObject({ calls: 2, bytes: 2 * 4 * 8 * 8 * 5 * 4 });
    expect(rows.map(({ selfMs }) => selfMs)).toEqual(rows.map(({ selfMs }) => selfMs).sort((a, b) => b - a));
    expect([tf.engine().runKernel, (tf.engine() as unknown as { runKernelFunc: unknown }).runKernelFunc]).toEqual(before);
    work();
    expect(rows.find(({ name }) => name === 'ManRelu')?.calls).toBe(2);
  });

  it('a second start ends the first', () => {
    const first = ops.startProfiler();
    const second = ops.startProfiler();
    work();
    expect(second.stop().events.filter(({ name }) => name === 'ManRelu')).toHaveLength(1);
    expect(first.stop().events).toEqual([]);
  });
});

const isInside = (a: ops.ProfileEvent, b: ops.ProfileEvent) =>
  b.startUs <= a.startUs && a.startUs + a.durationUs <= b.startUs + b.durationUs && b.durationUs > a.durationUs;
