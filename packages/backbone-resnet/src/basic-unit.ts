import { batchNorm, conv2d, relu, residual, type UnitFactory } from '@man/nn';

/**
 * Residual unit of two 3×3 convolutions: `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`.
 *
 * The shortcut is the identity, or a 1×1 convolution with batch norm where stride or width change (projection).
 *
 * @see He et al., "Deep residual learning", CVPR 2016, §4.2, option B
 */
export function basicUnit({ filters, stride }: { readonly filters: number; readonly stride: number }): UnitFactory {
  return (site) => {
    const isProjected = stride !== 1 || site.inputShape[2] !== filters;
    const branch = {
      conv1: conv2d({ filters, kernel: 3, stride, padding: 1 }),
      bn1: batchNorm(),
      relu1: relu(),
      conv2: conv2d({ filters, kernel: 3, padding: 1 }),
      bn2: batchNorm(),
    };
    return residual(branch, isProjected ? { conv: conv2d({ filters, kernel: 1, stride }), bn: batchNorm() } : undefined)(site);
  };
}
