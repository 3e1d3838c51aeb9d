import type { Shape, TorchNames } from '@man/core';

/** How a variable's values lie in memory here and in PyTorch. */
export interface TorchLayout {
  /** Its shape, where needed with axes taken apart. */
  readonly view: Shape;
  /** Which axis of `view` is the first, second, … in PyTorch. */
  readonly order: readonly number[];
  /** PyTorch's shape. */
  readonly shape: Shape;
}

/**
 * Convolutions are `[height, width, in, out]` here and `[out, in, height, width]` there; linear weights `[in, out]` and `[out, in]`,
 * with `in` as `[height, width, channels]` and `[channels, height, width]` behind a flattened picture.
 */
export function torchLayout(variable: string, shape: Shape, { flattened = {} }: TorchNames): TorchLayout {
  const picture = Object.hasOwn(flattened, variable) ? flattened[variable] : undefined;
  if (picture !== undefined && shape.length === 2) {
    const [inputs, outputs] = shape as [number, number];
    return { view: [...picture, outputs], order: [3, 2, 0, 1], shape: [outputs, inputs] };
  }
  const order = shape.length === 4 ? [3, 2, 0, 1] : shape.length === 2 ? [1, 0] : [...shape.keys()];
  return { view: shape, order, shape: order.map((axis) => shape[axis] as number) };
}

/** Our values in PyTorch's order. */
export function toTorch(values: Float32Array, { view, order }: TorchLayout): Float32Array {
  return permuted(values, view, order);
}

/** PyTorch's values in our order. */
export function fromTorch(values: Float32Array, { view, order }: TorchLayout): Float32Array {
  const back = view.map((_, axis) => order.indexOf(axis));
  return permuted(
    values,
    order.map((axis) => view[axis] as number),
    back,
  );
}

/** Values of an array of that shape with its axes in another order, at most four. */
function permuted(values: Float32Array, shape: Shape, order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const pad = 4 - shape.length;
  const [a, b, c, d] = [...Array(pad).fill(1), ...order.map((axis) => shape[axis])] as [number, number, number, number];
  const [sa, sb, sc, sd] = [...Array(pad).fill(0), ...order.map((axis) => strides[axis])] as [number, number, number, number];
  const out = new Float32Array(values.length);
  let at = 0;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      for (let k = 0; k < c; k++) {
        const from = i * sa + j * sb + k * sc;
        for (let l = 0; l < d; l++) out[at++] = values[from + l * sd] as number;
      }
  return out;
}
