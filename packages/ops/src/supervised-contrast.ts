import * as tf from '@tensorflow/tfjs';
import { badOption, shapeMismatch } from './errors.ts';
import { defineComposed, defineGradient } from './kernel.ts';

/** Options of {@link supervisedContrast}. */
export interface SupervisedContrastOptions {
  /** What similarities are divided by, above 0; default 0.07. */
  readonly temperature?: number;
}

type Attributes = { readonly temperature: number };

/** Takes a row's own entry out of a softmax. */
const NEVER = -1e9;

/**
 * Supervised contrastive loss: each row should resemble those of its class more than all others.
 *
 * For row i with positives P(i) (same label, not i itself) and s = rows · rowsᵀ / temperature:
 * `-1/|P(i)| · Σ_{p ∈ P(i)} log(exp(s_ip) / Σ_{a ≠ i} exp(s_ia))`, averaged over all rows; a row without positives counts as 0.
 * One operation; its gradient is found on the way.
 *
 * @param rows `[n, features]` float32; of length 1, for cosines
 * @param labels `[n]` int32
 * @throws MAN_OPS_SHAPE, MAN_OPS_OPTION
 * @see Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, Eq. 2
 */
export function supervisedContrast(rows: tf.Tensor, labels: tf.Tensor, { temperature = 0.07 }: SupervisedContrastOptions = {}): tf.Scalar {
  if (rows.rank !== 2) throw shapeMismatch('supervisedContrast', 'rows of shape [n, features]', rows);
  if (labels.rank !== 1 || labels.dtype !== 'int32' || labels.shape[0] !== rows.shape[0])
    throw shapeMismatch('supervisedContrast', `int32 labels of shape [${rows.shape[0]}]`, labels);
  if (!(temperature > 0)) throw badOption('supervisedContrast', 'temperature', 'a number above 0', temperature);
  return tf.tidy(() => contrast({ rows, labels }, { temperature })[0] as tf.Scalar);
}

/** Outputs: the mean loss, and its gradient but for the incoming factor. */
const contrast = defineComposed<{ rows: tf.Tensor; labels: tf.Tensor }, Attributes, tf.Tensor[]>(
  'ManSupervisedContrast',
  ({ rows, labels }, { temperature }) => {
    const n = rows.shape[0] as number;
    const self = tf.eye(n);
    const similarities = tf.mul(tf.matMul(rows as tf.Tensor2D, rows as tf.Tensor2D, false, true), 1 / temperature);
    const logProbabilities = tf.logSoftmax(tf.add(similarities, tf.mul(self, NEVER)));
    const alike = tf.sub(tf.cast(tf.equal(tf.reshape(labels, [n, 1]), tf.reshape(labels, [1, n])), 'float32'), self);
    const positives = tf.sum(alike, 1, true);
    const wanted = tf.div(alike, tf.maximum(positives, 1));
    const isAnchor = tf.cast(tf.greater(positives, 0), 'float32');
    const slopes = tf.sub(tf.mul(tf.exp(logProbabilities), isAnchor), wanted);
    return [
      // Row by row: one sum over n² terms would lose digits.
      tf.mul(tf.sum(tf.sum(tf.mul(wanted, logProbabilities), 1)), -1 / n),
      tf.mul(tf.matMul(tf.add(slopes, tf.transpose(slopes)), rows), 1 / (n * temperature)),
    ];
  },
);

defineGradient<Attributes>('ManSupervisedContrast', {
  outputs: [false, true],
  gradient: (dy, [slopes]) => ({ rows: () => tf.mul(dy, slopes!) }),
});
