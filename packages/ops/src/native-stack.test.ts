import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import * as ops from './index.ts';
import { expectStackAgrees } from './testing/stacks.ts';

/** Without the native kernels these are skipped; `npm run setup` compiles them. */
const present = await ops.useEngine('tensorflow', { kernels: 'native' }).then(
  () => true,
  () => false,
);

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe.skipIf(!present)('native kernels', () => {
  it('agree with the reference on stacks of any shape', async () => {
    for (const seed of seeds(120)) await expectStackAgrees(seed, 'native');
  });
});

describe.skipIf(!present)('a stack on native kernels', () => {
  beforeEach(() => ops.useEngine('tensorflow', { kernels: 'native' }));

  const channels = 8;
  const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 0.5, 'float32', seed);
  const norm = () => ({
    weight: ops.createVariable(tf.ones([channels])),
    bias: ops.createVariable(tf.zeros([channels])),
    runningMean: tf.zeros([channels]),
    runningVariance: tf.ones([channels]),
  });
  const unit = (seed: number) => [
    { filter: ops.createVariable(normal([3, 3, channels, channels], seed)), padding: 1, norm: norm(), relu: true },
    { filter: ops.createVariable(normal([3, 3, channels, channels], seed + 1)), padding: 1, norm: norm(), relu: true },
  ];
  const variablesOf = (layers: ReturnType<typeof unit>) => layers.flatMap(({ filter, norm: { weight, bias } }) => [filter, weight, bias]);

  it('has the gradients of a stock reverse pass bit for bit, several readers of x included', () => {
    const x = ops.createVariable(normal([4, 9, 10, channels], 1));
    const [first, second] = [unit(2), unit(4)];
    const loss = () =>
      tf.tidy(() => {
        const apply = (layers: typeof first) => ops.convolutionStack(x, layers, { training: true, shortcut: 'identity' }).y;
        return tf.sum(tf.square(ops.add(apply(first), apply(second)))) as tf.Scalar;
      });
    const variables = [x, ...variablesOf(first), ...variablesOf(second)];
    const ours = ops.gradients(() => ({ loss: loss() }), variables);
    const stock = tf.variableGrads(loss, variables);
    variables.forEach((variable, i) => {
      expect(ours.gradients[i]?.dataSync()).toEqual(stock.grads[variable.name]?.dataSync());
    });
    tf.dispose([ours.value, ours.gradients, stock.value, stock.grads] as tf.TensorContainer);
    tf.disposeVariables();
  });

  it('computes no filter gradients of frozen variables, and has them when asked', () => {
    const x = normal([2, 6, 6, channels], 1);
    const layers = unit(2);
    const all = variablesOf(layers);
    const loss = () => tf.sum(ops.convolutionStack(x, layers, { training: true, shortcut: 'identity' }).y) as tf.Scalar;
    const before = ops.gradients(() => ({ loss: loss() }), [x, ...all]);
    for (const variable of all) variable.trainable = false;
    const profiler = ops.startProfiler();
    const frozen = ops.gradients(() => ({ loss: loss() }), [x]);
    const filterGradients = profiler
      .stop()
      .events.filter(({ name, shapes }) => name === 'ManConvolveGradient' && shapes[3]?.join() !== '0');
    expect(filterGradients).toEqual([]);
    expect(frozen.gradients[0]?.dataSync()).toEqual(before.gradients[0]?.dataSync());
    const asked = ops.gradients(() => ({ loss: loss() }), all);
    asked.gradients.forEach((gradient, i) => {
      expect(gradient?.dataSync()).toEqual(before.gradients[i + 1]?.dataSync());
    });
    tf.dispose([x, before.value, before.gradients, frozen.value, frozen.gradients, asked.value, asked.gradients] as tf.TensorContainer);
    tf.disposeVariables();
  });

  it('lets a diverged run be seen: NaN and infinity pass', () => {
    const layers = unit(2);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const y = tf.tidy(() => {
        const x = tf.fill([2, 6, 6, channels], bad);
        return ops.convolutionStack(x, layers, { training: true, shortcut: 'identity' }).y.dataSync();
      });
      expect(y.every((value) => Number.isNaN(value))).toBe(true);
    }
    tf.disposeVariables();
  });

  it('gives the same bits every time', () => {
    const x = normal([5, 12, 12, channels], 3);
    const layers = unit(7);
    const once = () => {
      const { value, gradients } = ops.gradients(
        () => ({ loss: tf.sum(ops.convolutionStack(x, layers, { training: true, shortcut: 'identity' }).y) as tf.Scalar }),
        variablesOf(layers),
      );
      const bits = gradients.map((gradient) => gradient?.dataSync());
      tf.dispose([value, gradients] as tf.TensorContainer);
      return bits;
    };
    const first = once();
    for (let i = 0; i < 20; i++) expect(once()).toEqual(first);
    x.dispose();
    tf.disposeVariables();
  });
});
