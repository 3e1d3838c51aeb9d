import { batchNorm, conv2d, defineUnit, sequential, type UnitFactory } from '@man/nn';
import { add, relu } from '@man/ops';

/**
 * Residual unit of two 3×3 convolutions: `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`.
 *
 * The shortcut is the identity, or a 1×1 convolution with batch norm where stride or width change (projection).
 *
 * @see He et al., "Deep residual learning", CVPR 2016, §4.2, option B
 */
export function basicUnit(options: { readonly filters: number; readonly stride: number }): UnitFactory {
  const { filters, stride } = options;
  return (site) =>
    defineUnit(site, ({ name, inputShape, rng }) => {
      const at = (part: string, shape = inputShape) => ({ name: `${name}.${part}`, inputShape: shape, rng: rng.split(part) });
      const conv1 = conv2d({ filters, kernel: 3, stride, padding: 1 })(at('conv1'));
      const shape = conv1.outputShape;
      const bn1 = batchNorm()(at('bn1', shape));
      const conv2 = conv2d({ filters, kernel: 3, padding: 1 })(at('conv2', shape));
      const bn2 = batchNorm()(at('bn2', shape));
      const isProjected = stride !== 1 || inputShape[2] !== filters;
      const projection = sequential({ conv: conv2d({ filters, kernel: 1, stride }), bn: batchNorm() });
      const shortcut = isProjected ? projection(at('shortcut')) : undefined;
      return {
        outputShape: shape,
        parts: { conv1, bn1, conv2, bn2, ...(shortcut === undefined ? {} : { shortcut }) },
        apply(x, training) {
          const convolved1 = conv1.apply(x, training);
          const normed1 = bn1.apply(convolved1, training);
          convolved1.dispose();
          const hidden = relu(normed1);
          normed1.dispose();
          const convolved2 = conv2.apply(hidden, training);
          hidden.dispose();
          const normed2 = bn2.apply(convolved2, training);
          convolved2.dispose();
          return relu(add(normed2, shortcut === undefined ? x : shortcut.apply(x, training)));
        },
      };
    });
}
