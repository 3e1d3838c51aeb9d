import * as tf from '@tensorflow/tfjs';
import { badFeatures, badOption, tooFewExamples } from './errors.ts';

/**
 * How the dependence of two sets of features (HSIC) is estimated: `'biased'` is the usual CKA; `'unbiased'` has no bias towards 1 where there
 * are fewer examples than features, and its mean over mini-batches estimates that of the whole set.
 */
export type HsicEstimator = 'biased' | 'unbiased';

export interface CkaOptions {
  /** Default `'biased'` for whole sets, `'unbiased'` for mini-batches. */
  readonly estimator?: HsicEstimator;
}

/**
 * Linear CKA of two sets of features in Gram form: `‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖)` of centred columns, from n×n products only.
 *
 * @param x `[n, …]` float32, flattened behind the first axis; stays the caller's
 * @param y `[n, …]` float32, of the same examples
 * @returns 0 (nothing in common) … 1 (equal up to rotation and scale); the unbiased estimate may fall slightly below 0
 * @throws MAN_ANALYSIS_FEATURES, MAN_ANALYSIS_OPTION, MAN_ANALYSIS_TOO_FEW: 2 examples are needed, 4 for the unbiased estimate
 * @see Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML 2019; Song et al., JMLR 2012, Eq. 5
 * @example
 * ```ts
 * linearCka(features, otherFeatures); // 0.93
 * ```
 */
export function linearCka(x: tf.Tensor, y: tf.Tensor, { estimator = 'biased' }: CkaOptions = {}): number {
  const similarity = createCka({ estimator });
  similarity.add([x], [y]);
  return similarity.result()[0]?.[0] as number;
}

/** Linear CKA between all layers of two networks, collected over mini-batches. */
export interface CkaAccumulator {
  /** Takes in one mini-batch: the features of each layer, `[n, …]` float32; they stay the caller's. */
  add(x: readonly tf.Tensor[], y: readonly tf.Tensor[]): void;
  /** `[layers of x][layers of y]`; NaN for a layer whose features are all equal. */
  result(): number[][];
}

/**
 * Sums HSIC over mini-batches before it divides, so that memory is n×n of one batch per layer whatever the size of the set.
 *
 * With the unbiased estimator the result converges to the CKA of the whole set whatever the batch size. With the biased one it depends on
 * the batch size; give it the whole set at once.
 *
 * @throws MAN_ANALYSIS_OPTION, MAN_ANALYSIS_FEATURES, MAN_ANALYSIS_TOO_FEW
 * @see Nguyen, Raghu, Kornblith, "Do Wide and Deep Networks Learn the Same Things?", ICLR 2021, Eq. 2
 */
export function createCka({ estimator = 'unbiased' }: CkaOptions = {}): CkaAccumulator {
  if (estimator !== 'biased' && estimator !== 'unbiased') throw badOption('cka', 'estimator', "'biased' or 'unbiased'", estimator);
  let sums: { xy: number[][]; xx: number[]; yy: number[] } | undefined;
  return {
    add(x, y) {
      check(x, y, estimator);
      const [xy, xx, yy] = dependences(x, y, estimator);
      sums ??= { xy: x.map(() => y.map(() => 0)), xx: x.map(() => 0), yy: y.map(() => 0) };
      if (sums.xx.length !== x.length || sums.yy.length !== y.length)
        throw badFeatures('cka', `${sums.xx.length} and ${sums.yy.length} layers as before`, `${x.length} and ${y.length}`);
      const { xy: all, xx: ofX, yy: ofY } = sums;
      xy.forEach((row, i) => {
        row.forEach((value, j) => {
          (all[i] as number[])[j] = (all[i]?.[j] as number) + value;
        });
      });
      xx.forEach((value, i) => {
        ofX[i] = (ofX[i] as number) + value;
      });
      yy.forEach((value, i) => {
        ofY[i] = (ofY[i] as number) + value;
      });
    },
    result() {
      const { xy, xx, yy } = sums ?? { xy: [], xx: [], yy: [] };
      return xy.map((row, i) => row.map((value, j) => value / Math.sqrt((xx[i] as number) * (yy[j] as number))));
    },
  };
}

function check(x: readonly tf.Tensor[], y: readonly tf.Tensor[], estimator: HsicEstimator): void {
  const n = x[0]?.shape[0];
  if (n === undefined || y.length === 0) throw badFeatures('cka', 'features of at least one layer on each side', 'none');
  for (const { shape } of [...x, ...y])
    if (shape.length < 2 || shape[0] !== n) throw badFeatures('cka', `features of shape [${n}, …]`, `[${shape.join(',')}]`);
  const least = estimator === 'biased' ? 2 : 4;
  if (n < least) throw tooFewExamples('cka', least, n);
}

/** HSIC of all pairs of layers, and of each layer with itself. */
function dependences(x: readonly tf.Tensor[], y: readonly tf.Tensor[], estimator: HsicEstimator): [number[][], number[], number[]] {
  const n = x[0]?.shape[0] as number;
  const factor = estimator === 'biased' ? 1 / (n - 1) ** 2 : 1 / (n * (n - 3));
  return tf.tidy(() => {
    const flat = (layers: readonly tf.Tensor[]) =>
      tf.stack(layers.map((layer) => tf.reshape(centredGram(layer, estimator), [n * n]))) as tf.Tensor2D;
    const [a, b] = [flat(x), flat(y)];
    const product = tf.matMul(a, b, false, true).arraySync() as number[][];
    // By the same product: so equal layers give exactly 1.
    const own = (rows: tf.Tensor2D) => {
      const all = tf.matMul(rows, rows, false, true).arraySync() as number[][];
      return all.map((row, i) => (row[i] as number) * factor);
    };
    return [product.map((row) => row.map((value) => value * factor)), own(a), own(b)];
  });
}

/**
 * The Gram matrix, centred as its estimator needs: rows and columns of mean 0, or (Székely's U-centring) the same without the diagonal.
 */
function centredGram(layer: tf.Tensor, estimator: HsicEstimator): tf.Tensor2D {
  const n = layer.shape[0] as number;
  const rows = tf.reshape(layer, [n, layer.size / n]);
  const centred = tf.sub(rows, tf.mean(rows, 0, true)) as tf.Tensor2D;
  const gram: tf.Tensor2D = tf.matMul(centred, centred, false, true);
  if (estimator === 'biased') return gram;
  const isOther = tf.sub(1, tf.eye(n));
  const others = tf.mul(gram, isOther);
  const sums = tf.div(tf.sum(others, 1, true), n - 2);
  const all = tf.div(tf.sum(sums), n - 1);
  return tf.mul(tf.add(tf.sub(tf.sub(others, sums), tf.transpose(sums)), all), isOther) as tf.Tensor2D;
}
