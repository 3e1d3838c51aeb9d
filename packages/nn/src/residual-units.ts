import type { UnitFactory } from './define-unit.ts';
import { batchNorm, conv2d, relu, residual } from './layers.ts';

export interface BasicUnitOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Of the first convolution; default 1. */
  readonly stride?: number;
}

/**
 * Residual unit of two 3×3 convolutions: `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`.
 *
 * The shortcut is the identity, or a 1×1 convolution with batch norm where stride or width change (projection).
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 * @see He et al., "Deep residual learning", CVPR 2016, Fig. 5 and §4.1, option B
 */
export function basicUnit({ filters, stride = 1 }: BasicUnitOptions): UnitFactory {
  return projected(filters, stride, {
    conv1: conv2d({ filters, kernel: 3, stride, padding: 1 }),
    bn1: batchNorm(),
    relu1: relu(),
    conv2: conv2d({ filters, kernel: 3, padding: 1 }),
    bn2: batchNorm(),
  });
}

export interface BottleneckUnitOptions {
  /** Channels of the output. */
  readonly filters: number;
  /** Channels of the 3×3 convolution; default a quarter of `filters`. */
  readonly inner?: number;
  /** Of the 3×3 convolution; default 1. */
  readonly stride?: number;
  /** Groups of the 3×3 convolution; default 1. */
  readonly groups?: number;
}

/**
 * Residual unit of a 1×1, a 3×3 and a 1×1 convolution, each with batch norm; the shortcut is as in {@link basicUnit}.
 *
 * Differs from the paper, as most networks of that name do: the 3×3 convolution has the stride, not the first one.
 *
 * @throws MAN_NN_SHAPE, MAN_NN_OPTION
 * @see He et al., "Deep residual learning", CVPR 2016, Fig. 5; with groups Xie et al., "Aggregated residual transformations", CVPR 2017
 */
export function bottleneckUnit({ filters, inner = filters / 4, stride = 1, groups = 1 }: BottleneckUnitOptions): UnitFactory {
  return projected(filters, stride, {
    conv1: conv2d({ filters: inner, kernel: 1 }),
    bn1: batchNorm(),
    relu1: relu(),
    conv2: conv2d({ filters: inner, kernel: 3, stride, padding: 1, groups }),
    bn2: batchNorm(),
    relu2: relu(),
    conv3: conv2d({ filters, kernel: 1 }),
    bn3: batchNorm(),
  });
}

function projected(filters: number, stride: number, branch: Readonly<Record<string, UnitFactory>>): UnitFactory {
  return (site) => {
    const isProjected = stride !== 1 || site.inputShape[2] !== filters;
    return residual(branch, isProjected ? { conv: conv2d({ filters, kernel: 1, stride }), bn: batchNorm() } : undefined)(site);
  };
}
