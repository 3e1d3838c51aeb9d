import * as tf from '@tensorflow/tfjs';
import { defineGradient, defineKernel, type RawTensorFlow } from './kernel.ts';
import { nativeStack } from './native-stack.ts';
import { checkShapes, pair, type Size2D } from './shapes.ts';

export interface Conv2DOptions {
  /** Default 1. */
  readonly stride?: Size2D;
  /** Zeros on each side, as PyTorch pads; default 0. */
  readonly padding?: Size2D;
  /** Channels are cut into this many groups that do not see each other; default 1. */
  readonly groups?: number;
}

type Padding = 'SAME' | 'VALID';

interface ConvAttributes extends Readonly<Record<string, unknown>> {
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly groups: number;
}

interface BackAttributes extends ConvAttributes {
  /** Shape of what the gradient is of. */
  readonly shape: readonly number[];
}

/**
 * Two-dimensional convolution (cross-correlation) with PyTorch's padding.
 *
 * @param x `[n, height, width, in]` float32
 * @param filter `[kernelHeight, kernelWidth, in / groups, out]` float32
 * @returns `[n, ⌊(height + 2·padding - kernelHeight) / stride⌋ + 1, …, out]`, the caller's
 * @throws MAN_OPS_SHAPE when channels and groups do not fit, or the kernel is larger than the padded input
 * @throws MAN_OPS_OPTION for a stride or padding that is not a whole number
 * @example
 * ```ts
 * const y = conv2d(x, filter, { stride: 2, padding: 1 });
 * ```
 */
export function conv2d(x: tf.Tensor, filter: tf.Tensor, options: Conv2DOptions = {}): tf.Tensor4D {
  const strides = pair('conv2d', 'stride', options.stride ?? 1, 1);
  const padding = pair('conv2d', 'padding', options.padding ?? 0, 0);
  const groups = options.groups ?? 1;
  const native = nativeStack(x, [{ ...options, filter }], { training: true });
  if (native !== null) return native.y as tf.Tensor4D;
  checkShapes(x.shape, filter, padding, groups);
  const [kernelHeight, kernelWidth] = filter.shape as [number, number, number, number];
  // SAME and VALID reach oneDNN in the backward kernels, explicit padding does not.
  const symmetric = 2 * padding[0] === kernelHeight - 1 && 2 * padding[1] === kernelWidth - 1;
  if (symmetric && strides[0] === 1 && strides[1] === 1) return convolve({ x, filter }, { strides, padding: 'SAME', groups });
  if (padding[0] === 0 && padding[1] === 0) return convolve({ x, filter }, { strides, padding: 'VALID', groups });
  return tf.tidy(() => {
    const [above, below] = paddingFor(x.shape[1] as number, kernelHeight, strides[0], padding[0]);
    const [left, right] = paddingFor(x.shape[2] as number, kernelWidth, strides[1], padding[1]);
    const padded = tf.pad(x, [[0, 0], [above, below], [left, right], [0, 0]]); // biome-ignore format: one line
    return convolve({ x: padded, filter }, { strides, padding: 'VALID', groups });
  });
}

/** Padding before and after one axis; what no window reaches behind is left away. */
function paddingFor(size: number, kernel: number, stride: number, padding: number): [number, number] {
  const windows = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return [padding, Math.max(0, (windows - 1) * stride + kernel - size - padding)];
}

function rawAttributes({ strides, padding }: ConvAttributes) {
  return {
    T: 'float32',
    strides: [1, strides[0], strides[1], 1],
    padding,
    data_format: 'NHWC',
    use_cudnn_on_gpu: true,
    dilations: [1, 1, 1, 1],
  };
}

function withShape(shape: readonly number[], f: (shape: tf.Tensor) => tf.Tensor): tf.Tensor {
  const tensor = tf.tensor1d([...shape], 'int32');
  try {
    return f(tensor);
  } finally {
    tensor.dispose();
  }
}

const convolve = defineKernel<{ x: tf.Tensor; filter: tf.Tensor }, ConvAttributes, tf.Tensor4D>('ManConv2D', {
  tensorflow: ({ x, filter }, attributes, raw) =>
    byRawGroup(raw, attributes.groups, x, filter, (part, kernel) => raw.one('Conv2D', [part, kernel], rawAttributes(attributes))),
  composed: ({ x, filter }, attributes) => byGroup(attributes.groups, x, filter, (part, kernel) => forward(part, kernel, attributes)),
});

const inputGradient = defineKernel<{ dy: tf.Tensor; filter: tf.Tensor }, BackAttributes, tf.Tensor4D>('ManConv2DInputGradient', {
  tensorflow: ({ dy, filter }, attributes, raw: RawTensorFlow) =>
    withShape(raw.isOnGpu ? attributes.shape : perGroup(attributes, 3), (shape) =>
      byRawGroup(raw, attributes.groups, dy, filter, (part, kernel) =>
        raw.one('Conv2DBackpropInput', [shape, kernel, part], rawAttributes(attributes)),
      ),
    ),
  composed: ({ dy, filter }, attributes) => byGroup(attributes.groups, dy, filter, (part, kernel) => transposed(part, kernel, attributes)),
});

const filterGradient = defineKernel<{ dy: tf.Tensor; x: tf.Tensor }, BackAttributes, tf.Tensor4D>('ManConv2DFilterGradient', {
  tensorflow: ({ dy, x }, attributes, raw: RawTensorFlow) =>
    withShape(raw.isOnGpu ? attributes.shape : perGroup(attributes, 3), (shape) =>
      byRawGroup(raw, attributes.groups, x, dy, (part, upstream) =>
        raw.one('Conv2DBackpropFilter', [part, shape, upstream], rawAttributes(attributes)),
      ),
    ),
  composed: ({ dy, x }, attributes) => byGroup(attributes.groups, x, dy, (part, upstream) => correlate(part, upstream, attributes)),
});

defineGradient<ConvAttributes>('ManConv2D', {
  inputs: ['x', 'filter'],
  gradient: (dy, [x, filter], attributes) => ({
    x: () => inputGradient({ dy, filter: filter! }, { ...attributes, shape: x!.shape }),
    filter: () => filterGradient({ dy, x: x! }, { ...attributes, shape: filter!.shape }),
  }),
});

/** The shape of what the gradient is of, one group's. */
function perGroup({ shape, groups }: BackAttributes, axis: number): readonly number[] {
  return shape.map((size, i) => (i === axis ? size / groups : size));
}

/** TensorFlow's CPU kernels take groups only with oneDNN, which it leaves off on many processors: one group after the other there. */
function byRawGroup(
  raw: RawTensorFlow,
  groups: number,
  a: tf.Tensor,
  b: tf.Tensor,
  f: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  return groups === 1 || raw.isOnGpu ? f(a, b) : tf.tidy(() => byGroup(groups, a, b, f));
}

/** Applies `f` to each group of channels (last axis of both) and joins the results. */
function byGroup(groups: number, a: tf.Tensor, b: tf.Tensor, f: (a: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor): tf.Tensor {
  if (groups === 1) return f(a as tf.Tensor4D, b as tf.Tensor4D);
  const left = tf.split(a as tf.Tensor4D, groups, 3);
  const right = tf.split(b as tf.Tensor4D, groups, 3);
  const parts = left.map((part, i) => f(part as tf.Tensor4D, right[i] as tf.Tensor4D));
  return tf.concat(parts as tf.Tensor4D[], 3);
}

function forward(x: tf.Tensor4D, filter: tf.Tensor4D, { strides, padding }: ConvAttributes): tf.Tensor {
  return tf.conv2d(x, filter, [...strides], padding === 'SAME' ? 'same' : 'valid');
}

/** Input gradient out of forward convolutions: zeros between the rows and columns of dy, then the turned filter. */
function transposed(dy: tf.Tensor4D, filter: tf.Tensor4D, { strides, padding, shape }: BackAttributes): tf.Tensor {
  const [kernelHeight, kernelWidth] = filter.shape;
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  if (padding === 'SAME') return tf.conv2d(dy, turned as tf.Tensor4D, 1, 'same');
  const spread = spreadOut(dy, strides);
  const restHeight = (shape[1] as number) - (spread.shape[1] + kernelHeight - 1);
  const restWidth = (shape[2] as number) - (spread.shape[2] + kernelWidth - 1);
  const around = tf.pad(spread, [
    [0, 0],
    [kernelHeight - 1, kernelHeight - 1 + restHeight],
    [kernelWidth - 1, kernelWidth - 1 + restWidth],
    [0, 0],
  ]);
  return tf.conv2d(around, turned as tf.Tensor4D, 1, 'valid');
}

/** `[n,h,w,c]` with stride-1 zeros between neighbours: `[n,(h-1)·sh+1,(w-1)·sw+1,c]`. */
export function spreadOut(x: tf.Tensor4D, [strideHeight, strideWidth]: readonly [number, number]): tf.Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return x;
  const [n, h, w, c] = x.shape;
  const wide = tf.pad(tf.reshape(x, [n * h * w, 1, c]), [[0, 0], [0, strideWidth - 1], [0, 0]]); // biome-ignore format: one line
  const tall = tf.pad(tf.reshape(wide, [n * h, 1, w * strideWidth * c]), [[0, 0], [0, strideHeight - 1], [0, 0]]); // biome-ignore format: one line
  const all = tf.reshape(tall, [n, h * strideHeight, w * strideWidth, c]) as tf.Tensor4D;
  return tf.slice(all, [0, 0, 0, 0], [n, (h - 1) * strideHeight + 1, (w - 1) * strideWidth + 1, c]);
}

/** Filter gradient as a forward convolution: pictures take the place of channels, strides that of dilations. */
function correlate(x: tf.Tensor4D, dy: tf.Tensor4D, { strides, padding, shape }: BackAttributes): tf.Tensor {
  const kernel = shape as [number, number, number, number];
  const [kernelHeight, kernelWidth] = kernel;
  const [alongHeight, alongWidth] = padding === 'SAME' ? [(kernelHeight - 1) / 2, (kernelWidth - 1) / 2] : [0, 0];
  const padded = tf.pad(x, [[0, 0], [alongHeight, alongHeight], [alongWidth, alongWidth], [0, 0]]); // biome-ignore format: one line
  return correlated(padded as tf.Tensor4D, dy, kernel, strides);
}

/** The filter gradient of a convolution without padding; the filter has the shape `kernel`. */
export function correlated(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  [kernelHeight, kernelWidth]: readonly [number, number, number, number],
  strides: readonly [number, number],
): tf.Tensor {
  const found = tf.conv2d(tf.transpose(x, [3, 1, 2, 0]) as tf.Tensor4D, tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D, 1, 'valid', 'NHWC', [
    ...strides,
  ]);
  const reached = tf.slice(found, [0, 0, 0, 0], [x.shape[3], kernelHeight, kernelWidth, dy.shape[3]]);
  return tf.transpose(reached, [1, 2, 0, 3]);
}
