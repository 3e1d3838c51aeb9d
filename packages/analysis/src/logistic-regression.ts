import { badFeatures, badOption } from './errors.ts';
import { minimize, type Objective } from './minimize.ts';

export interface LogisticRegressionOptions {
  /** Weight of `½‖weights‖²` against the mean cross-entropy; the bias is left out. scikit-learn's `C` is `1 / (n · penalty)`. Default 1e-4. */
  readonly penalty?: number;
  /** Default 1000. */
  readonly maxIterations?: number;
  /** Largest component of the gradient that is as good as none; default 1e-6. */
  readonly tolerance?: number;
}

/** A linear classifier. */
export interface LogisticModel {
  /** `[features · classes]`, feature by feature. */
  readonly weight: Float64Array;
  /** `[classes]` */
  readonly bias: Float64Array;
  readonly classes: number;
  /** Mean cross-entropy and penalty on the training examples. */
  readonly loss: number;
  readonly iterations: number;
  /** Whether the tolerance was reached. */
  readonly converged: boolean;
}

/**
 * Multinomial logistic regression, in float64 and without anything random: the minimum of a convex function, so any two correct programs agree
 * on it. It runs in JavaScript, for features of a few hundred numbers.
 *
 * @param features n rows one behind the other
 * @param labels `[n]`, 0 … classes-1
 * @throws MAN_ANALYSIS_FEATURES, MAN_ANALYSIS_OPTION
 * @example
 * ```ts
 * const model = logisticRegression(features, labels, { penalty: 1e-3 });
 * const predicted = predictLogistic(model, others);
 * ```
 */
export function logisticRegression(
  features: ArrayLike<number>,
  labels: ArrayLike<number>,
  { penalty = 1e-4, maxIterations = 1000, tolerance = 1e-6 }: LogisticRegressionOptions = {},
): LogisticModel {
  const n = labels.length;
  const inputs = features.length / n;
  if (n === 0 || !Number.isInteger(inputs) || inputs === 0)
    throw badFeatures('logisticRegression', `a multiple of ${n} numbers`, `${features.length}`);
  if (!(penalty >= 0)) throw badOption('logisticRegression', 'penalty', 'a number ≥ 0', penalty);
  let classes = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i] as number;
    if (!Number.isInteger(label) || label < 0) throw badFeatures('logisticRegression', 'labels 0, 1, …', `${label}`);
    classes = Math.max(classes, label + 1);
  }
  const size = inputs * classes;
  const objective = crossEntropy(features, labels, inputs, classes, penalty);
  const { at, value, ...rest } = minimize(objective, new Float64Array(size + classes), maxIterations, tolerance);
  return { weight: at.slice(0, size), bias: at.slice(size), classes, loss: value, ...rest };
}

/** The most likely class of each row. @throws MAN_ANALYSIS_FEATURES */
export function predictLogistic({ weight, bias, classes }: LogisticModel, features: ArrayLike<number>): Int32Array {
  const inputs = weight.length / classes;
  const n = features.length / inputs;
  if (!Number.isInteger(n)) throw badFeatures('predictLogistic', `rows of ${inputs} numbers`, `${features.length} numbers`);
  const logits = new Float64Array(classes);
  return Int32Array.from({ length: n }, (_, row) => {
    score(features, row, weight, bias, logits);
    return logits.indexOf(Math.max(...logits));
  });
}

function score(features: ArrayLike<number>, row: number, weight: Float64Array, bias: Float64Array, logits: Float64Array): void {
  const classes = logits.length;
  const inputs = weight.length / classes;
  logits.set(bias);
  for (let k = 0; k < inputs; k++) {
    const x = features[row * inputs + k] as number;
    for (let c = 0; c < classes; c++) logits[c] = (logits[c] as number) + x * (weight[k * classes + c] as number);
  }
}

/** Mean cross-entropy with penalty, as a function of weights and biases one behind the other. */
function crossEntropy(features: ArrayLike<number>, labels: ArrayLike<number>, inputs: number, classes: number, penalty: number): Objective {
  const [n, size] = [labels.length, inputs * classes];
  const logits = new Float64Array(classes);
  return (at, gradient) => {
    const [weight, bias] = [at.subarray(0, size), at.subarray(size)];
    gradient.fill(0);
    let loss = 0;
    for (let row = 0; row < n; row++) {
      score(features, row, weight, bias, logits);
      const own = labels[row] as number;
      const highest = Math.max(...logits);
      const mass = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
      loss += Math.log(mass) + highest - (logits[own] as number);
      for (let c = 0; c < classes; c++) {
        const slope = Math.exp((logits[c] as number) - highest) / mass - (c === own ? 1 : 0);
        logits[c] = slope / n;
        gradient[size + c] = (gradient[size + c] as number) + slope / n;
      }
      for (let k = 0; k < inputs; k++) {
        const x = features[row * inputs + k] as number;
        for (let c = 0; c < classes; c++) gradient[k * classes + c] = (gradient[k * classes + c] as number) + x * (logits[c] as number);
      }
    }
    let squares = 0;
    for (let i = 0; i < size; i++) {
      const w = weight[i] as number;
      squares += w * w;
      gradient[i] = (gradient[i] as number) + penalty * w;
    }
    return loss / n + (penalty / 2) * squares;
  };
}
