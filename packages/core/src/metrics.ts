import * as tf from '@tensorflow/tfjs';
import type { BlockMetrics, LocalLossValue, StepMetrics } from './contracts.ts';
import { notFinite } from './errors.ts';

/** A block's numbers of one step, still on the engine: `[total, ...terms, correct]`. */
export interface BlockRow {
  readonly values: tf.Tensor1D;
  readonly terms: readonly string[];
  readonly hasLogits: boolean;
}

interface PendingStep extends Omit<StepMetrics, 'blocks'> {
  readonly rows: readonly BlockRow[];
}

/** Packs what a block's loss says into one small tensor, so that nothing has to be read back inside the step. */
export function packMetrics(value: LocalLossValue, labels: tf.Tensor1D): BlockRow {
  const { total, terms, logits } = value;
  const values = tf.tidy(() => {
    const correct = logits === undefined ? [] : [countCorrect(logits, labels)];
    return tf.keep(tf.stack([total, ...Object.values(terms), ...correct]) as tf.Tensor1D);
  });
  return { values, terms: Object.keys(terms), hasLogits: logits !== undefined };
}

/** Number of rows whose largest logit is the label's: a float32 scalar. */
export function countCorrect(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32')));
}

/** Number of rows in which fewer than `k` logits are larger than the label's: a float32 scalar. Equal ones count for the label. */
export function countAmongFirst(k: number, logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const own = tf.sum(tf.mul(logits, tf.oneHot(labels, logits.shape[1])), 1, true);
    // Not "greater": nothing compares with NaN, and a network that diverged classifies nothing.
    const others = tf.sum(tf.cast(tf.lessEqual(logits, own), 'float32'), 1);
    return tf.sum(tf.cast(tf.greater(others, logits.shape[1] - k), 'float32'));
  });
}

/** Keeps the numbers of steps on the engine until they are asked for, then fetches them in one go. */
export class MetricsBuffer {
  #pending: PendingStep[] = [];

  push(step: PendingStep): void {
    this.#pending.push(step);
  }

  get length(): number {
    return this.#pending.length;
  }

  /** The steps since the last call. @throws MAN_CORE_NOT_FINITE naming block, step and term */
  drain(): StepMetrics[] {
    const steps = this.#pending;
    this.#pending = [];
    const rows = steps.flatMap((step) => step.rows);
    if (rows.length === 0) return [];
    const numbers = tf.tidy(() => tf.concat(rows.map((row) => row.values)).dataSync());
    tf.dispose(rows.map((row) => row.values));
    let at = 0;
    return steps.map(({ rows: own, ...step }) => ({
      ...step,
      blocks: own.map((row, block) => {
        const end = at + 1 + row.terms.length + (row.hasLogits ? 1 : 0);
        const metrics = unpack(row, numbers.subarray(at, end), step.examples);
        checkFinite(metrics, block + 1, step.step);
        at = end;
        return metrics;
      }),
    }));
  }

  dispose(): void {
    for (const step of this.#pending) tf.dispose(step.rows.map((row) => row.values));
    this.#pending = [];
  }
}

function unpack(row: BlockRow, numbers: ArrayLike<number>, examples: number): BlockMetrics {
  const terms = Object.fromEntries(row.terms.map((name, i) => [name, numbers[1 + i] as number]));
  const accuracy = row.hasLogits ? (numbers[1 + row.terms.length] as number) / examples : null;
  return { loss: numbers[0] as number, terms, accuracy };
}

function checkFinite(metrics: BlockMetrics, block: number, step: number): void {
  const wrong = Object.entries(metrics.terms).find(([, value]) => !Number.isFinite(value));
  if (wrong !== undefined) throw notFinite(block, step, wrong[0], wrong[1]);
  if (!Number.isFinite(metrics.loss)) throw notFinite(block, step, 'total', metrics.loss);
}

interface Sum {
  loss: number;
  accuracy: number | null;
  terms: Record<string, number>;
}

/** What an average stands on, to go on from. */
export interface AverageState {
  readonly examples: number;
  readonly sums: readonly Readonly<Sum>[];
}

/** Averages block metrics over steps, weighted by examples. */
export class MetricsAverage {
  #examples: number;
  #sums: Sum[];

  constructor({ examples, sums }: AverageState = { examples: 0, sums: [] }) {
    this.#examples = examples;
    this.#sums = structuredClone(sums) as Sum[];
  }

  get state(): AverageState {
    return { examples: this.#examples, sums: structuredClone(this.#sums) };
  }

  add(step: StepMetrics): void {
    this.#examples += step.examples;
    step.blocks.forEach((block, i) => {
      this.#sums[i] ??= { loss: 0, accuracy: block.accuracy === null ? null : 0, terms: {} };
      const sum = this.#sums[i];
      sum.loss += block.loss * step.examples;
      if (sum.accuracy !== null && block.accuracy !== null) sum.accuracy += block.accuracy * step.examples;
      for (const [name, value] of Object.entries(block.terms)) sum.terms[name] = (sum.terms[name] ?? 0) + value * step.examples;
    });
  }

  get examples(): number {
    return this.#examples;
  }

  get blocks(): readonly BlockMetrics[] {
    const n = Math.max(1, this.#examples);
    return this.#sums.map(({ loss, accuracy, terms }) => ({
      loss: loss / n,
      accuracy: accuracy === null ? null : accuracy / n,
      terms: Object.fromEntries(Object.entries(terms).map(([name, value]) => [name, value / n])),
    }));
  }
}
