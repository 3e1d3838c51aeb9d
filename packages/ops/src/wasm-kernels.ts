import * as tf from '@tensorflow/tfjs';
import { correlated, spreadOut } from './conv2d.ts';

/**
 * Gradients of tfjs's own convolutions that its WebAssembly backend has no kernel for, composed of what it has. Layers of tfjs need them; the
 * operations of this package do not.
 */

interface StockAttributes {
  readonly strides: [number, number] | number;
  readonly dilations?: [number, number] | number;
  readonly pad: 'same' | 'valid' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type Filter = [number, number, number, number];
type Picture = Filter;

register('Conv2DBackpropFilter', ({ x, dy }, attributes) => {
  const filterShape = attributes.filterShape as Filter;
  const { strideHeight, strideWidth, padInfo } = infoOf(x?.shape as Picture, filterShape, attributes);
  return correlated(padded(x as tf.Tensor4D, padInfo), dy as tf.Tensor4D, filterShape, [strideHeight, strideWidth]);
});

register('DepthwiseConv2dNativeBackpropFilter', ({ x, dy }, attributes) => {
  const filterShape = attributes.filterShape as Filter;
  const info = infoOf(x?.shape as Picture, filterShape, attributes, true);
  const [, , channels, multiplier] = filterShape;
  const around = padded(x as tf.Tensor4D, info.padInfo);
  const upstream = tf.reshape(dy as tf.Tensor, [-1, channels, multiplier]);
  const taps = offsetsOf(info).map(([top, left]) => {
    const height = (info.outHeight - 1) * info.strideHeight + 1;
    const width = (info.outWidth - 1) * info.strideWidth + 1;
    const seen = tf.stridedSlice(around, [0, top, left, 0], [info.batchSize, top + height, left + width, channels], [1, info.strideHeight, info.strideWidth, 1]); // biome-ignore format: one line
    return tf.sum(tf.mul(tf.reshape(seen, [-1, channels, 1]), upstream), 0);
  });
  return tf.reshape(tf.stack(taps), filterShape);
});

register('DepthwiseConv2dNativeBackpropInput', ({ dy, filter }, attributes) => {
  const shape = attributes.inputShape as Picture;
  const info = infoOf(shape, filter?.shape as Filter, attributes, true);
  const [n, height, width, channels] = shape;
  const { top, bottom, left, right } = info.padInfo;
  const [tall, wide] = [height + top + bottom, width + left + right];
  const spread = spreadOut(dy as tf.Tensor4D, [info.strideHeight, info.strideWidth]);
  const [, spreadHeight, spreadWidth, outputs] = spread.shape;
  const byChannel = tf.reshape(spread, [n * spreadHeight * spreadWidth, channels, outputs / channels]);
  const taps = tf.unstack(tf.reshape(filter as tf.Tensor, [-1, channels, outputs / channels]));
  const parts = offsetsOf(info).map(([down, along], i) => {
    const part = tf.reshape(tf.sum(tf.mul(byChannel, taps[i] as tf.Tensor), 2), [n, spreadHeight, spreadWidth, channels]);
    return tf.pad(part, [[0, 0], [down, tall - down - spreadHeight], [along, wide - along - spreadWidth], [0, 0]]); // biome-ignore format: one line
  });
  return tf.slice(tf.addN(parts), [0, top, left, 0], shape);
});

function register(
  kernelName: string,
  compose: (inputs: Readonly<Record<string, tf.Tensor>>, attributes: StockAttributes & Readonly<Record<string, unknown>>) => tf.Tensor,
): void {
  const kernelFunc: tf.KernelFunc = ({ inputs, attrs }) =>
    tf.tidy(() => compose(inputs as Record<string, tf.Tensor>, attrs as unknown as StockAttributes & Record<string, unknown>));
  tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc });
}

function infoOf(shape: Picture, filterShape: Filter, { strides, dilations = 1, pad, dimRoundingMode }: StockAttributes, depthwise = false) {
  return tf.backend_util.computeConv2DInfo(shape, filterShape, strides, dilations, pad, dimRoundingMode, depthwise);
}

type ConvInfo = ReturnType<typeof infoOf>;

const padded = (x: tf.Tensor4D, { top, bottom, left, right }: ConvInfo['padInfo']): tf.Tensor4D => tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]); // biome-ignore format: one line

/** Where in the padded picture each weight of the filter first stands, row by row. */
function offsetsOf({ filterHeight, filterWidth, dilationHeight, dilationWidth }: ConvInfo): [number, number][] {
  const rows = Array.from({ length: filterHeight }, (_, i) => i * dilationHeight);
  const columns = Array.from({ length: filterWidth }, (_, i) => i * dilationWidth);
  return rows.flatMap((row) => columns.map((column): [number, number] => [row, column]));
}
