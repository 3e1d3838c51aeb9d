import * as tf from '@tensorflow/tfjs';
import { SHAPES } from './kernel.ts';
import { inferred } from './shapes-raw.ts';

interface Maker {
  make(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  incRef(dataId: object): void;
}

interface Call {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: Maker;
}

type Kernel = (call: Call) => tf.TensorInfo | tf.TensorInfo[];

const { assertAndGetBroadcastShape: broadcast, computeConv2DInfo, computePool2DInfo, convertConv2DDataFormat } = tf.backend_util;
const first = ({ inputs }: Call) => Object.values(inputs)[0] as tf.TensorInfo;

const same: Kernel = (call) => call.backend.make(first(call).shape, first(call).dtype);
const asFloat: Kernel = (call) => call.backend.make(first(call).shape, 'float32');
const like =
  (name: string): Kernel =>
  ({ inputs, backend }) =>
    backend.make((inputs[name] as tf.TensorInfo).shape, 'float32');

const pairwise =
  (dtype?: tf.DataType): Kernel =>
  ({ inputs, backend }) => {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    return backend.make(broadcast(a.shape, b.shape), dtype ?? tf.upcastType(a.dtype, b.dtype));
  };

const reduction =
  (dtype?: tf.DataType): Kernel =>
  ({ inputs: { x }, attrs, backend }) => {
    const from = x as tf.TensorInfo;
    const { axis, reductionIndices, keepDims } = attrs as { axis?: number | number[]; reductionIndices?: number[]; keepDims?: boolean };
    const axes = tf.util.parseAxisParam((axis ?? reductionIndices ?? null) as unknown as number, from.shape);
    const shape = keepDims
      ? from.shape.map((length, i) => (axes.includes(i) ? 1 : length))
      : from.shape.filter((_, i) => !axes.includes(i));
    return backend.make(shape, dtype ?? from.dtype);
  };

const spanOf = ({ inputs, attrs, backend }: Call): tf.TensorInfo => {
  const { x } = inputs as { x: tf.TensorInfo };
  const { paddings } = attrs as { paddings: [number, number][] };
  return backend.make(
    x.shape.map((length, i) => length + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0)),
    x.dtype,
  );
};

const convolution = (x: readonly number[], filter: readonly number[], attrs: Call['attrs'], isDepthwise = false) => {
  const { strides, dilations = 1, pad, dimRoundingMode, dataFormat = 'NHWC' } = attrs as unknown as tf.Conv2DAttrs;
  const format = convertConv2DDataFormat(dataFormat);
  return computeConv2DInfo(
    [...x] as never,
    [...filter] as never,
    strides as never,
    dilations as never,
    pad,
    dimRoundingMode,
    isDepthwise,
    format,
  );
};

const pooling: Kernel = ({ inputs: { x }, attrs, backend }) => {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.MaxPoolAttrs;
  const { outShape } = computePool2DInfo((x as tf.TensorInfo).shape as never, filterSize, strides, 1, pad, dimRoundingMode);
  return backend.make(outShape, 'float32');
};

const kernels: Readonly<Record<string, Kernel>> = {
  [tf.Identity]({ inputs: { x }, backend }) {
    const from = x as tf.TensorInfo;
    backend.incRef(from.dataId);
    return { dataId: from.dataId, shape: from.shape, dtype: from.dtype };
  },
  [tf.Reshape]: ({ inputs: { x }, attrs, backend }) =>
    backend.make(inferred(x as tf.TensorInfo, attrs.shape as number[]), (x as tf.TensorInfo).dtype),
  [tf.ExpandDims]({ inputs: { input }, attrs, backend }) {
    const { shape, dtype } = input as tf.TensorInfo;
    const dim = attrs.dim as number;
    const at = dim < 0 ? shape.length + dim + 1 : dim;
    return backend.make([...shape.slice(0, at), 1, ...shape.slice(at)], dtype);
  },
  [tf.Cast]: ({ inputs: { x }, attrs, backend }) => backend.make((x as tf.TensorInfo).shape, attrs.dtype as tf.DataType),
  [tf.Transpose]({ inputs: { x }, attrs, backend }) {
    const { shape, dtype } = x as tf.TensorInfo;
    return backend.make(
      (attrs.perm as number[]).map((axis) => shape[axis] as number),
      dtype,
    );
  },
  [tf.Tile]({ inputs: { x }, attrs, backend }) {
    const { shape, dtype } = x as tf.TensorInfo;
    return backend.make(
      shape.map((length, i) => length * ((attrs.reps as number[])[i] as number)),
      dtype,
    );
  },
  [tf.Pack]({ inputs, attrs, backend }) {
    const { shape, dtype } = inputs[0] as tf.TensorInfo;
    const axis = attrs.axis as number;
    return backend.make([...shape.slice(0, axis), Object.keys(inputs).length, ...shape.slice(axis)], dtype);
  },
  [tf.Unpack]({ inputs: { value }, attrs, backend }) {
    const { shape, dtype } = value as tf.TensorInfo;
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, shape) as [number];
    return Array.from({ length: shape[axis] as number }, () =>
      backend.make(
        shape.filter((_, i) => i !== axis),
        dtype,
      ),
    );
  },
  [tf.Concat]({ inputs, attrs, backend }) {
    const shapes = Object.values(inputs).map(({ shape }) => shape);
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, shapes[0] as number[]) as [number];
    const { dtype } = inputs[0] as tf.TensorInfo;
    return backend.make(tf.backend_util.computeOutShape(shapes, axis), dtype);
  },
  [tf.SplitV]({ inputs: { x }, attrs, backend }) {
    const { shape, dtype } = x as tf.TensorInfo;
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, shape) as [number];
    const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits as number[], axis);
    return sizes.map((length) =>
      backend.make(
        shape.map((other, i) => (i === axis ? length : other)),
        dtype,
      ),
    );
  },
  [tf.Slice]({ inputs: { x }, attrs, backend }) {
    const { dtype } = x as tf.TensorInfo;
    const [, lengths] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin as number[], attrs.size as number[]);
    return backend.make(lengths as number[], dtype);
  },
  [tf.StridedSlice]({ inputs: { x }, attrs, backend }) {
    const from = x as tf.TensorInfo;
    const a = attrs as unknown as tf.StridedSliceAttrs;
    const masks = [a.beginMask, a.endMask, a.ellipsisMask, a.newAxisMask, a.shrinkAxisMask] as const;
    return backend.make(tf.slice_util.sliceInfo(from.shape, a.begin, a.end, a.strides, ...masks).finalShape, from.dtype);
  },
  [tf.PadV2]: spanOf,
  [tf.MirrorPad]: spanOf,
  [tf.OneHot]: ({ inputs: { indices }, attrs, backend }) =>
    backend.make([...(indices as tf.TensorInfo).shape, attrs.depth as number], (attrs.dtype as tf.DataType | undefined) ?? 'int32'),
  [tf.GatherV2]({ inputs, attrs, backend }) {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    const [axis] = tf.util.parseAxisParam(attrs.axis as number, x.shape) as [number];
    return backend.make([...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x.dtype);
  },
  [tf.Fill]: ({ attrs, backend }) => backend.make(attrs.shape as number[], (attrs.dtype as tf.DataType | undefined) ?? 'float32'),
  [tf.Select]: ({ inputs: { t }, backend }) => backend.make((t as tf.TensorInfo).shape, (t as tf.TensorInfo).dtype),
  [tf.BatchMatMul]({ inputs, attrs, backend }) {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
    const rows = a.shape.at(attrs.transposeA === true ? -1 : -2) as number;
    const columns = b.shape.at(attrs.transposeB === true ? -2 : -1) as number;
    return backend.make([...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns], 'float32');
  },
  // tfjs-node makes a float copy first, whatever the type.
  [tf.Mean](call) {
    const copy = tf.engine().makeTensorFromTensorInfo(asFloat(call) as tf.TensorInfo);
    const mean = reduction('float32')(call);
    copy.dispose();
    return mean;
  },
  [tf.Conv2D]: ({ inputs, attrs, backend }) => {
    const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo };
    return backend.make(convolution(x.shape, filter.shape, attrs).outShape, 'float32');
  },
  [tf.DepthwiseConv2dNative]: ({ inputs, attrs, backend }) => {
    const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo };
    return backend.make(convolution(x.shape, filter.shape, attrs, true).outShape, 'float32');
  },
  [tf.Conv2DBackpropInput]: ({ attrs, backend }) => backend.make(attrs.inputShape as number[], 'float32'),
  [tf.Conv2DBackpropFilter]: ({ attrs, backend }) => backend.make(attrs.filterShape as number[], 'float32'),
  [tf.DepthwiseConv2dNativeBackpropInput]: ({ attrs, backend }) => backend.make(attrs.inputShape as number[], 'float32'),
  [tf.DepthwiseConv2dNativeBackpropFilter]: ({ attrs, backend }) => backend.make(attrs.filterShape as number[], 'float32'),
  [tf.MaxPool]: pooling,
  [tf.AvgPool]: pooling,
  [tf.MaxPoolGrad]: like('input'),
  [tf.AvgPoolGrad]: like('input'),
  [tf.FusedBatchNorm]: like('x'),
};

const unary = `Abs ClipByValue Elu Erf Exp Expm1 Floor Ceil Round LeakyRelu Log Log1p Neg OnesLike Prelu Reciprocal Relu Relu6 Reverse Rsqrt
  Selu Sigmoid Sign Sin Cos Softmax Softplus Sqrt Square Step Tanh ZerosLike AddN Cumsum`.split(/\s+/);
const binary = 'Add Sub Multiply RealDiv FloorDiv Mod Maximum Minimum Pow SquaredDifference'.split(' ');
const comparisons = 'Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr'.split(' ');

/** Registers the stock operations of tfjs for the engine of shapes. */
export function registerShapeKernels(): void {
  const groups: readonly (readonly [readonly string[], Kernel])[] = [
    [unary, same],
    [binary, pairwise()],
    [comparisons, pairwise('bool')],
    [['LogicalNot', 'IsNan', 'IsFinite', 'IsInf'], ({ inputs: { x }, backend }) => backend.make((x as tf.TensorInfo).shape, 'bool')],
    [['Sum', 'Max', 'Min', 'Prod'], reduction()],
    [['All', 'Any'], reduction('bool')],
    [['ArgMax', 'ArgMin'], reduction('int32')],
  ];
  const all = [...groups.flatMap(([names, kernel]) => names.map((name) => [name, kernel] as const)), ...Object.entries(kernels)];
  for (const [kernelName, kernel] of all)
    tf.registerKernel({ kernelName, backendName: SHAPES, kernelFunc: (call) => kernel(call as unknown as Call) });
}
