import * as tf from '@tensorflow/tfjs';
import { spreadOut } from './conv2d.ts';
import { badOption, shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel, type RawTensorFlow } from './kernel.ts';
import { separable } from './separable.ts';
import { pair, type Size2D } from './shapes.ts';

export interface PoolOptions {
  /** Default: the window size, so that windows do not overlap. */
  readonly stride?: Size2D;
  /** On each side, as PyTorch pads; default 0. Zeros count in an average; a maximum never takes the padding. */
  readonly padding?: Size2D;
}

type Windows = { readonly size: readonly [number, number]; readonly strides: readonly [number, number] };

function windowAttributes({ size, strides }: Windows) {
  return { T: 'float32', ksize: [1, ...size, 1], strides: [1, ...strides, 1], padding: 'VALID', data_format: 'NHWC' };
}

function padded(
  operation: string,
  x: tf.Tensor,
  size: Size2D,
  options: PoolOptions,
  value: number,
): { image: tf.Tensor; windows: Windows } {
  if (x.rank !== 4) throw shapeMismatch(operation, 'x of shape [n, height, width, channels]', x);
  const window = pair(operation, 'size', size, 1);
  const strides = pair(operation, 'stride', options.stride ?? size, 1);
  const [h, w] = pair(operation, 'padding', options.padding ?? 0, 0);
  if (2 * h > window[0] || 2 * w > window[1]) throw badOption(operation, 'padding', 'at most half of the window', options.padding);
  if ((x.shape[1] as number) + 2 * h < window[0] || (x.shape[2] as number) + 2 * w < window[1])
    throw shapeMismatch(operation, `an input of at least ${window[0]}×${window[1]} with its padding`, x);
  const image = h === 0 && w === 0 ? x : tf.pad(x, [[0, 0], [h, h], [w, w], [0, 0]], value); // biome-ignore format: one line
  return { image, windows: { size: window, strides } };
}

/**
 * Maximum over windows. Of equal values the first (row by row) gets the gradient, as in PyTorch.
 *
 * @param x `[n, h, w, c]` float32
 * @throws MAN_OPS_SHAPE, MAN_OPS_OPTION
 */
export function maxPool(x: tf.Tensor, size: Size2D, options: PoolOptions = {}): tf.Tensor4D {
  return tf.tidy(() => {
    const { image, windows } = padded('maxPool', x, size, options, -3.4e38);
    return largest({ x: image }, windows);
  });
}

const largest = defineKernel<{ x: tf.Tensor }, Windows, tf.Tensor4D>('ManMaxPool', {
  tensorflow: ({ x }, windows, raw) => raw.one('MaxPool', [x], windowAttributes(windows)),
  composed: ({ x }, { size, strides }) => tf.maxPool(x as tf.Tensor4D, [...size], [...strides], 'valid'),
});

const largestGradient = defineKernel<{ dy: tf.Tensor; x: tf.Tensor; y: tf.Tensor }, Windows, tf.Tensor4D>('ManMaxPoolGradient', {
  tensorflow: ({ dy, x, y }, windows, raw) => raw.one('MaxPoolGrad', [x, y, dy], windowAttributes(windows)),
  composed: ({ dy, x, y }, windows) => toFirstLargest(dy as tf.Tensor4D, x as tf.Tensor4D, y as tf.Tensor4D, windows),
});

defineGradient<Windows>('ManMaxPool', {
  inputs: ['x'],
  outputs: [true],
  gradient: (dy, [x, y], windows) => ({ x: () => largestGradient({ dy, x: x!, y: y! }, windows) }),
});

/** Goes through the places of the window: those that hold the maximum and come first pass the gradient to their pixel. */
function toFirstLargest(dy: tf.Tensor4D, x: tf.Tensor4D, y: tf.Tensor4D, { size, strides }: Windows): tf.Tensor {
  const [n, h, w, c] = x.shape;
  const [, rows, columns] = dy.shape as [number, number, number, number];
  const height = (rows - 1) * strides[0] + 1;
  const width = (columns - 1) * strides[1] + 1;
  let left: tf.Tensor = dy;
  const parts: tf.Tensor[] = [];
  for (let i = 0; i < size[0]; i++) {
    for (let j = 0; j < size[1]; j++) {
      const here = tf.stridedSlice(x, [0, i, j, 0], [n, i + height, j + width, c], [1, strides[0], strides[1], 1]);
      const isLargest = tf.cast(tf.equal(here, y), 'float32');
      const passed = tf.mul(left, isLargest) as tf.Tensor4D;
      left = tf.sub(left, passed);
      parts.push(tf.pad(spreadOut(passed, strides), [[0, 0], [i, h - height - i], [j, w - width - j], [0, 0]])); // biome-ignore format: one line
    }
  }
  return tf.addN(parts);
}

/**
 * Mean over windows; padding counts as zeros (PyTorch's default).
 *
 * @param x `[n, h, w, c]` float32
 * @throws MAN_OPS_SHAPE, MAN_OPS_OPTION
 */
export function averagePool(x: tf.Tensor, size: Size2D, options: PoolOptions = {}): tf.Tensor4D {
  return tf.tidy(() => {
    const { image, windows } = padded('averagePool', x, size, options, 0);
    return mean({ x: image }, windows);
  });
}

const mean = defineKernel<{ x: tf.Tensor }, Windows, tf.Tensor4D>('ManAveragePool', {
  tensorflow: ({ x }, windows, raw) => raw.one('AvgPool', [x], windowAttributes(windows)),
  composed: ({ x }, { size, strides }) => separable(x as tf.Tensor4D, ...slidingMatrices(x, size, strides)),
});

const meanGradient = defineKernel<{ dy: tf.Tensor }, Windows & { readonly shape: readonly number[] }, tf.Tensor4D>(
  'ManAveragePoolGradient',
  {
    tensorflow: ({ dy }, { shape, ...windows }, raw: RawTensorFlow) => {
      const inputShape = tf.tensor1d([...shape], 'int32');
      const dx = raw.one('AvgPoolGrad', [inputShape, dy], windowAttributes(windows));
      inputShape.dispose();
      return dx;
    },
    composed: ({ dy }, { shape, size, strides }) => {
      const [rows, columns] = slidingMatrices({ shape }, size, strides);
      return separable(dy as tf.Tensor4D, tf.transpose(rows), tf.transpose(columns));
    },
  },
);

defineGradient<Windows>('ManAveragePool', {
  inputs: ['x'],
  gradient: (dy, [x], windows) => ({ x: () => meanGradient({ dy }, { ...windows, shape: x!.shape }) }),
});

function slidingMatrices(
  { shape }: { readonly shape: readonly number[] },
  size: readonly [number, number],
  strides: readonly [number, number],
): [tf.Tensor2D, tf.Tensor2D] {
  const along = (axis: 0 | 1) => {
    const from = shape[axis + 1] as number;
    const windows = Math.floor((from - size[axis]) / strides[axis]) + 1;
    return averaging(
      from,
      Array.from({ length: windows }, (_, i) => [i * strides[axis], i * strides[axis] + size[axis]] as const),
    );
  };
  return [along(0), along(1)];
}

/** `[windows, from]`: row i averages over the half-open window i. */
function averaging(from: number, windows: readonly (readonly [number, number])[]): tf.Tensor2D {
  const weights = new Float32Array(windows.length * from);
  for (const [i, [start, end]] of windows.entries()) weights.fill(1 / (end - start), i * from + start, i * from + end);
  return tf.tensor2d(weights, [windows.length, from]);
}

/**
 * Mean over windows chosen so that the result has the given size: window i spans ⌊i·in/out⌋ … ⌈(i+1)·in/out⌉,
 * overlapping where the sizes do not divide (PyTorch's `AdaptiveAvgPool2d`).
 *
 * @param x `[n, h, w, c]` float32
 * @param size `[height, width]` of the result, or one number for both
 * @throws MAN_OPS_SHAPE, MAN_OPS_OPTION
 */
export function adaptiveAveragePool(x: tf.Tensor, size: Size2D): tf.Tensor4D {
  if (x.rank !== 4) throw shapeMismatch('adaptiveAveragePool', 'x of shape [n, height, width, channels]', x);
  const [height, width] = pair('adaptiveAveragePool', 'size', size, 1);
  const [h, w] = [x.shape[1] as number, x.shape[2] as number];
  if (h % height === 0 && w % width === 0) return averagePool(x, [h / height, w / width]);
  return adaptive({ x }, { height, width });
}

type TargetSize = { readonly height: number; readonly width: number };

const adaptive = defineKernel<{ x: tf.Tensor }, TargetSize, tf.Tensor4D>('ManAdaptiveAveragePool', {
  tensorflow: ({ x }, size) => tf.tidy(() => separable(x as tf.Tensor4D, ...adaptiveMatrices(x.shape, size))),
  composed: ({ x }, size) => separable(x as tf.Tensor4D, ...adaptiveMatrices(x.shape, size)),
});

defineGradient<TargetSize>('ManAdaptiveAveragePool', {
  inputs: ['x'],
  gradient: (dy, [x], size) => ({
    x: () => {
      const [rows, columns] = adaptiveMatrices(x!.shape, size);
      return separable(dy as tf.Tensor4D, tf.transpose(rows), tf.transpose(columns));
    },
  }),
});

function adaptiveMatrices(shape: readonly number[], { height, width }: TargetSize): [tf.Tensor2D, tf.Tensor2D] {
  const along = (from: number, to: number) =>
    averaging(from, Array.from({ length: to }, (_, i) => [Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to)] as const)); // biome-ignore format: one line
  return [along(shape[1] as number, height), along(shape[2] as number, width)];
}

/**
 * Mean over height and width.
 *
 * @param x `[n, h, w, c]` float32
 * @returns `[n, c]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function globalAveragePool(x: tf.Tensor): tf.Tensor2D {
  if (x.rank !== 4) throw shapeMismatch('globalAveragePool', 'x of shape [n, height, width, channels]', x);
  return overall({ x }, {});
}

const overall = defineKernel<{ x: tf.Tensor }, Readonly<Record<string, never>>, tf.Tensor2D>('ManGlobalAveragePool', {
  tensorflow: ({ x }) => tf.mean(x, [1, 2]),
  composed: ({ x }) => tf.mean(x, [1, 2]),
});

defineGradient('ManGlobalAveragePool', {
  inputs: ['x'],
  gradient: (dy, [x]) => ({
    x: () => {
      const [n, h, w, c] = x!.shape as [number, number, number, number];
      return tf.tile(tf.reshape(tf.mul(dy, 1 / (h * w)), [n, 1, 1, c]), [1, h, w, 1]);
    },
  }),
});
