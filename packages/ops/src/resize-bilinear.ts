import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel } from './kernel.ts';
import { separable } from './separable.ts';

/**
 * Bilinear resize whose corners map to corners (`align_corners=True` in PyTorch).
 *
 * @param x `[n, h, w, c]` float32
 * @param size `[height, width]` of the result
 * @returns `[n, height, width, c]`, the caller's
 * @throws MAN_OPS_SHAPE
 */
export function resizeBilinear(x: tf.Tensor, size: readonly [number, number]): tf.Tensor4D {
  if (x.rank !== 4) throw shapeMismatch('resizeBilinear', 'x of shape [n, height, width, channels]', x);
  if (x.shape[1] === size[0] && x.shape[2] === size[1]) return tf.clone(x) as tf.Tensor4D;
  return resize({ x }, { height: size[0], width: size[1] });
}

type Attributes = { readonly height: number; readonly width: number };

const resize = defineKernel<{ x: tf.Tensor }, Attributes, tf.Tensor4D>('ManResizeBilinear', {
  native: ({ x }, { height, width }, raw) => raw.one('ManResize', [x], { height, width }),
  tensorflow: ({ x }, { height, width }, raw) => {
    const size = tf.tensor1d([height, width], 'int32');
    const y = raw.one('ResizeBilinear', [x, size], { T: 'float32', align_corners: true, half_pixel_centers: false });
    size.dispose();
    return y;
  },
  composed: ({ x }, { height, width }) =>
    separable(x as tf.Tensor4D, interpolation(x.shape[1] as number, height), interpolation(x.shape[2] as number, width)),
});

const resizeGradient = defineKernel<{ dy: tf.Tensor; x: tf.Tensor }, Attributes, tf.Tensor4D>('ManResizeBilinearGradient', {
  native: ({ dy, x }, _, raw) => raw.one('ManResizeGradient', [dy], { height: x.shape[1], width: x.shape[2] }),
  tensorflow: ({ dy, x }, _, raw) =>
    raw.one('ResizeBilinearGrad', [dy, x], { T: 'float32', align_corners: true, half_pixel_centers: false }),
  composed: ({ dy, x }, { height, width }) =>
    separable(
      dy as tf.Tensor4D,
      tf.transpose(interpolation(x.shape[1] as number, height)),
      tf.transpose(interpolation(x.shape[2] as number, width)),
    ),
});

defineGradient<Attributes>('ManResizeBilinear', {
  inputs: ['x'],
  gradient: (dy, [x], attributes) => ({ x: () => resizeGradient({ dy, x: x! }, attributes) }),
});

/** `[to, from]`: row i holds the weights of the two neighbours of i·(from-1)/(to-1). */
function interpolation(from: number, to: number): tf.Tensor2D {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    const low = Math.min(Math.floor(at), from - 1);
    const high = Math.min(low + 1, from - 1);
    weights[i * from + low]! += 1 - (at - low);
    weights[i * from + high]! += at - low;
  }
  return tf.tensor2d(weights, [to, from]);
}
