import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import * as ops from '../index.ts';

/** A stack of random shape, its tensors included. */
interface Drawn {
  readonly text: string;
  readonly x: tf.Tensor4D;
  readonly layers: ops.StackLayer[];
  readonly options: ops.StackOptions;
  readonly trained: tf.Tensor[];
}

/** Small numbers drawn from a seed; never used for anything that has to be random. */
function numbers(seed: number) {
  let state = seed * 2654435761;
  const below = (n: number) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0;
    return (state >>> 8) % n;
  };
  return { below, of: <T>(...all: readonly T[]): T => all[below(all.length)] as T };
}

/** Draws a stack: 1 to 3 layers, sizes and channels that do and do not fill vectors and tiles, with everything a layer can have. */
function draw(seed: number): Drawn {
  const { below, of } = numbers(seed);
  let tensors = 0;
  const normal = (shape: number[], scale = 1, offset = 0) =>
    tf.tidy(() => tf.add(tf.mul(tf.randomNormal(shape, 0, 1, 'float32', seed * 100 + ++tensors), scale), offset));
  const size: [number, number] = [2 + below(16), 2 + below(16)];
  const channels = of(1, 3, 4, 5, 8, 12, 16, 17, 20, 32, 40);
  const x = normal([1 + below(5), ...size, channels]) as tf.Tensor4D;
  const kind = of('chain', 'chain', 'identity', 'projection', 'decoder');
  const trained: tf.Tensor[] = [];
  const keep = <T extends tf.Tensor>(tensor: T): T => {
    trained.push(tensor);
    return tensor;
  };
  const layerOf = (inputs: number, out: number, more: Partial<ops.StackLayer> & { kernel: number; bare?: boolean }): ops.StackLayer => {
    const { kernel, bare, groups = 1, ...rest } = more;
    // Behind a bias a norm takes every gradient away; what is left in the reference is rounding, and not compared.
    const parameter = bare ? (tensor: tf.Tensor) => tensor : keep;
    const norm = {
      weight: parameter(normal([out], 0.3, 1)),
      bias: parameter(normal([out])),
      runningMean: normal([out]),
      runningVariance: tf.tidy(() => tf.abs(normal([out], 0.3, 1))),
    };
    const bias = below(3) === 0 ? normal([out]) : undefined;
    if (bias !== undefined && bare) trained.push(bias);
    if (bare) tf.dispose(norm);
    return {
      filter: keep(normal([kernel, kernel, inputs / groups, out], Math.sqrt((2 * groups) / (kernel * kernel * inputs)))),
      padding: (kernel - 1) / 2,
      groups,
      bias,
      ...(bare ? {} : { norm }),
      ...rest,
    };
  };
  const count = 1 + below(3);
  const stride = of(1, 1, 2, 3);
  const layers: ops.StackLayer[] = [];
  let inputs = channels;
  for (let i = 0; i < count; i++) {
    const isLast = i === count - 1;
    const out = kind === 'identity' && isLast ? channels : of(1, 3, 6, 8, 9, 16, 24, 33);
    const bare = kind === 'decoder' && isLast;
    const resize = kind === 'decoder' && i === 0 ? ([size[0] + below(9), size[1] + below(9)] as const) : undefined;
    const kernel = kind === 'decoder' ? 3 : of(1, 3, 3, 3, 5);
    const divisors = [2, 3, 4, 8].filter((groups) => kind !== 'decoder' && inputs % groups === 0 && out % groups === 0);
    const groups = below(2) === 0 ? of(1, ...divisors) : 1;
    layers.push(
      layerOf(inputs, out, {
        ...{ kernel, groups, bare, relu: !bare && (!isLast || below(2) === 0), resize },
        ...(kind === 'identity' || kind === 'decoder' || i > 0 ? {} : { stride }),
      }),
    );
    inputs = out;
  }
  const shortcut =
    kind === 'identity' ? ('identity' as const) : kind === 'projection' ? layerOf(channels, inputs, { kernel: 1, stride }) : undefined;
  const pool = kind === 'chain' && below(3) === 0;
  const options = { training: true, pool, ...(shortcut === undefined ? {} : { shortcut }) };
  return {
    text: `seed ${seed}: ${kind} ${x.shape} → ${layers.map(({ filter }) => filter.shape).join(' → ')}`,
    x,
    layers,
    options,
    trained,
  };
}

/**
 * Runs a drawn stack and its gradients by `kernels` and by the reference form, and compares: results, statistics, gradients of all
 * parameters and of x.
 */
export async function expectStackAgrees(seed: number, kernels: ops.KernelForm): Promise<void> {
  await ops.useEngine('tensorflow', { kernels: 'reference' });
  const before = tf.memory().numTensors;
  const { text, x, layers, options, trained } = draw(seed);
  const upstream = tf.tidy(() => {
    const { y } = ops.convolutionStack(x, layers, options);
    return tf.randomNormal(y.shape, 0, 1, 'float32', seed);
  });
  const run = () =>
    ops.gradients(() => {
      const { y, statistics } = ops.convolutionStack(x, layers, options);
      return { loss: tf.sum(tf.mul(y, upstream)) as tf.Scalar, y, statistics };
    }, [...trained, x]);
  const expected = run();
  await ops.useEngine('tensorflow', { kernels });
  const got = run();
  const compare = (a: tf.Tensor, b: tf.Tensor, what: string, tolerance = 2e-4, floor = 1e-5) => {
    expect(a.shape, `${text}: ${what}`).toEqual(b.shape);
    const [difference, scale] = tf.tidy(() =>
      [tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(b))].map((t) => t.dataSync()[0]),
    ) as unknown as number[];
    expect(difference, `${text}: ${what}`).toBeLessThanOrEqual(tolerance * (scale as number) + floor);
  };
  compare(got.value.y, expected.value.y, 'y');
  got.value.statistics.forEach(({ runningMean, runningVariance }, i) => {
    compare(runningMean, expected.value.statistics[i]!.runningMean, `mean ${i}`);
    compare(runningVariance, expected.value.statistics[i]!.runningVariance, `variance ${i}`);
  });
  // A ReLU near its kink may open in one form and not in the other: a few pixels of many, so sums are compared more loosely.
  const largest = Math.max(...expected.gradients.map((gradient) => tf.tidy(() => tf.max(tf.abs(gradient!)).dataSync()[0]!)));
  got.gradients.forEach((gradient, i) => {
    // Some are sums of opposites, zero but for rounding.
    compare(gradient!, expected.gradients[i]!, `gradient ${i}`, 5e-3, 1e-4 * largest);
  });
  tf.dispose([
    x,
    upstream,
    trained,
    layers,
    options,
    got.value,
    got.gradients,
    expected.value,
    expected.gradients,
  ] as unknown as tf.TensorContainer);
  expect(tf.memory().numTensors, `${text}: tensors left behind`).toBe(before);
}
