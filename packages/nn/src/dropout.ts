import { createVariable } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { defineUnit, type UnitFactory } from './define-unit.ts';
import { badOption } from './errors.ts';

/**
 * In training each value is 0 with probability `rate`, and divided by `1 - rate` otherwise; in evaluation nothing happens.
 *
 * The buffer `draws` counts the batches, and with it a run that is continued from a checkpoint draws what an unbroken one would.
 *
 * @param rate 0 ≤ rate < 1
 * @throws MAN_NN_OPTION
 * @see Srivastava et al., "Dropout", JMLR 2014
 */
export function dropout(rate: number): UnitFactory {
  if (!(rate >= 0 && rate < 1)) throw badOption('dropout', 'rate', 'a number from 0 to below 1', rate);
  return (site) =>
    defineUnit(site, ({ inputShape, rng }) => {
      const draws = createVariable(tf.scalar(0), false);
      return {
        outputShape: inputShape,
        buffers: { draws },
        apply(x, training) {
          if (!training || rate === 0) return tf.clone(x);
          const [turn] = draws.dataSync() as unknown as [number];
          draws.assign(tf.scalar(turn + 1));
          const factors = rng.split(`${turn}`).uniform(new Float32Array(x.size));
          for (let i = 0; i < factors.length; i++) factors[i] = (factors[i] as number) < rate ? 0 : 1 / (1 - rate);
          return tf.mul(x, tf.tensor(factors, x.shape));
        },
      };
    });
}
