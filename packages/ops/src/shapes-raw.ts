import type * as tf from '@tensorflow/tfjs';
import { noShape } from './errors.ts';

type Shape = readonly number[];
type Options = Readonly<Record<string, unknown>>;
type Rule = (inputs: readonly tf.TensorInfo[], options: Options, valuesOf: (tensor: tf.TensorInfo) => readonly number[] | null) => Shape[];

const none: Shape = [0];
const size = (tensor: tf.TensorInfo | undefined) => tensor?.shape.reduce((a, b) => a * b, 1) ?? 0;
const when = (wanted: unknown, shape: Shape): Shape => (wanted === true ? shape : none);
const shapeAt = (inputs: readonly tf.TensorInfo[], i: number): Shape => (inputs[i] as tf.TensorInfo).shape;
const same: Rule = (inputs) => [shapeAt(inputs, 0)];
const likeSecond: Rule = (inputs) => [shapeAt(inputs, 1)];
const channels = (shape: Shape) => shape[shape.length - 1] as number;

/** Output of a convolution or pooling along one axis. */
const windows = (length: number, kernel: number, stride: number, padding: unknown) =>
  padding === 'SAME' ? Math.ceil(length / stride) : Math.floor((length - kernel) / stride) + 1;

const pool: Rule = ([x], { ksize, strides, padding }) => {
  const [n, h, w, c] = (x as tf.TensorInfo).shape as [number, number, number, number];
  const [kernel, stride] = [ksize, strides] as [number[], number[]];
  const along = (length: number, axis: number) => windows(length, kernel[axis] as number, stride[axis] as number, padding);
  return [[n, along(h, 1), along(w, 2), c]];
};

const asGiven: Rule = ([shape], _, valuesOf) => [valuesOf(shape as tf.TensorInfo) ?? []];

/** What this project's operations give, as packages/native/kernels has it: an output that nobody asked for is empty. */
const own: Readonly<Record<string, Rule>> = {
  ManConvolve([x, , filter], { stride, padding, height, width, norm }) {
    const [n, h, w] = (x as tf.TensorInfo).shape as [number, number, number];
    const [kernelHeight, kernelWidth, , filters] = (filter as tf.TensorInfo).shape as [number, number, number, number];
    const [s, p] = [stride as number, padding as number];
    const along = (length: number, kernel: number, to: unknown) =>
      (to as number) > 0 ? (to as number) : windows(length + 2 * p, kernel, s, 'VALID');
    const y = [n, along(h, kernelHeight, height), along(w, kernelWidth, width), filters];
    return [y, when(norm !== 0, [4, filters]), when(norm === 1, [filters]), when(norm === 1, [filters])];
  },
  ManConvolveGradient([x, coefficients, filter], { wants_input, wants_filter, wants_bias }) {
    const [from, weights] = [x as tf.TensorInfo, filter as tf.TensorInfo];
    const sums = when(wants_input === true && size(coefficients) > 0, [channels(from.shape)]);
    return [when(wants_input, from.shape), sums, sums, when(wants_filter, weights.shape), when(wants_bias, [channels(weights.shape)])];
  },
  ManNormalise: ([x], { pool: isPooled }) => {
    const { shape } = x as tf.TensorInfo;
    return [isPooled === true ? [shape[0] as number, channels(shape)] : shape];
  },
  ManNormaliseGradient([, x, , , others], { relu, pool: isPooled }) {
    const { shape } = x as tf.TensorInfo;
    const row = [channels(shape)];
    return [when(relu === true || isPooled === true, shape), row, row, when(size(others) > 0, row)];
  },
  ManSigmoidCrossEntropy: ([logits]) => [[], (logits as tf.TensorInfo).shape],
  ManAdd: same,
  ManScale: same,
  ManResize: ([x], { height, width }) => resized(x as tf.TensorInfo, height, width),
  ManResizeGradient: ([x], { height, width }) => resized(x as tf.TensorInfo, height, width),
  ManSgd: (inputs, { n }) => [...inputs.slice(0, n as number).map(({ shape }) => shape), shapeAt(inputs, 2 * (n as number))],
  ManMoveAverage: (inputs, { n }) => inputs.slice(0, n as number).map(({ shape }) => shape),
};

const resized = (x: tf.TensorInfo, height: unknown, width: unknown): Shape[] => [
  [x.shape[0] as number, height as number, width as number, x.shape[3] as number],
];

const tensorflow: Readonly<Record<string, Rule>> = {
  Conv2D([x, filter], { strides, padding }) {
    const [n, h, w] = (x as tf.TensorInfo).shape as [number, number, number];
    const [kernelHeight, kernelWidth, , filters] = (filter as tf.TensorInfo).shape as [number, number, number, number];
    const [, down, across] = strides as [number, number, number, number];
    return [[n, windows(h, kernelHeight, down, padding), windows(w, kernelWidth, across, padding), filters]];
  },
  Conv2DBackpropInput: ([shape, , dy], _, valuesOf) => [
    [(dy as tf.TensorInfo).shape[0] as number, ...(valuesOf(shape as tf.TensorInfo) ?? []).slice(1)],
  ],
  Conv2DBackpropFilter: ([, shape], _, valuesOf) => [valuesOf(shape as tf.TensorInfo) ?? []],
  FusedBatchNormV3([x]) {
    const { shape } = x as tf.TensorInfo;
    const row = [channels(shape)];
    return [shape, row, row, row, row, []];
  },
  FusedBatchNormGradV3([, x]) {
    const { shape } = x as tf.TensorInfo;
    const row = [channels(shape)];
    return [shape, row, row, none, none];
  },
  Relu: same,
  ReluGrad: same,
  Softplus: same,
  Mul: same,
  AddV2: same,
  BiasAdd: same,
  BiasAddGrad: ([dy]) => [[channels((dy as tf.TensorInfo).shape)]],
  MaxPool: pool,
  MaxPoolGrad: same,
  AvgPool: pool,
  AvgPoolGrad: asGiven,
  ResizeBilinear: ([x, to], _, valuesOf) => {
    const [height, width] = valuesOf(to as tf.TensorInfo) ?? [];
    return resized(x as tf.TensorInfo, height, width);
  },
  ResizeBilinearGrad: likeSecond,
  SparseSoftmaxCrossEntropyWithLogits: ([logits]) => {
    const { shape } = logits as tf.TensorInfo;
    return [[shape[0] as number], shape];
  },
  Reshape: ([x, to], _, valuesOf) => [inferred(x as tf.TensorInfo, valuesOf(to as tf.TensorInfo) ?? [])],
};

/** A shape of which one axis may be -1: whatever is left. */
export function inferred(x: tf.TensorInfo, shape: readonly number[]): number[] {
  const known = shape.reduce((product, axis) => (axis < 0 ? product : product * axis), 1);
  return shape.map((axis) => (axis < 0 ? size(x) / known : axis));
}

/** Shapes of what an operation of TensorFlow gives. @throws MAN_OPS_NO_SHAPE */
export function rawShapes(name: string, ...[inputs, options, valuesOf]: Parameters<Rule>): Shape[] {
  const rule = own[name] ?? tensorflow[name];
  if (rule === undefined) throw noShape(name);
  return rule(inputs, options, valuesOf);
}
