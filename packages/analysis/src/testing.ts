import { readFileSync } from 'node:fs';
import type { Batch, BatchSource } from '@man/core';
import * as tf from '@tensorflow/tfjs';

/** Written by tools/peer/analysis_fixtures.py. */
export interface Fixture {
  readonly similarity: {
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly shapes: readonly [[number, number], [number, number]];
    readonly biased: number;
    readonly unbiased: number;
    readonly batches: number;
    readonly uneven: number;
    readonly biasedBatches: number;
  };
  readonly classification: {
    readonly x: readonly number[];
    readonly labels: readonly number[];
    readonly penalty: number;
    readonly free: {
      readonly weight: readonly number[];
      readonly bias: readonly number[];
      readonly crossEntropy: number;
      readonly predicted: readonly number[];
    };
    readonly decayed: { readonly crossEntropy: number; readonly accuracy: number };
  };
}

/** What numpy and scikit-learn say. */
export const fixture = JSON.parse(readFileSync(new URL('./fixtures/analysis.json', import.meta.url), 'utf8')) as Fixture;

/** The same batches in every epoch, `count` examples each. */
export function sourceOf(values: readonly number[], shape: readonly number[], labels: readonly number[], batch: number): BatchSource {
  const size = shape.reduce((a, b) => a * b, 1);
  const starts = Array.from({ length: Math.ceil(labels.length / batch) }, (_, i) => i * batch);
  return {
    examples: labels.length,
    batches: starts.length,
    *epoch(): Iterable<Batch> {
      for (const start of starts) {
        const own = labels.slice(start, start + batch);
        const part = values.slice(start * size, (start + own.length) * size);
        yield { images: tf.tensor([...part], [own.length, ...shape]), labels: tf.tensor1d([...own], 'int32') };
      }
    },
  };
}
