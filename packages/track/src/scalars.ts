import type { EpochReport, StepMetrics } from '@man/core';

/** A number under the name that sinks with names give it. */
export type NamedScalar = readonly [name: string, value: number];

/** What a step measured, by name: `loss/block_01`, `accuracy/block_16`, `loss_reconstruction/block_01`, `learning_rate`. */
export function stepScalars({ blocks, learningRate }: StepMetrics): NamedScalar[] {
  const digits = String(blocks.length).length;
  const each = blocks.flatMap(({ loss, accuracy, terms }, i): NamedScalar[] => {
    const block = `block_${String(i + 1).padStart(digits, '0')}`;
    const parts = Object.entries(terms);
    return [
      [`loss/${block}`, loss],
      // One part is the loss once more.
      ...(parts.length < 2 ? [] : parts.map(([name, value]): NamedScalar => [`loss_${name}/${block}`, value])),
      ...(accuracy === null ? [] : [[`accuracy/${block}`, accuracy] as const]),
    ];
  });
  return [...each, ['learning_rate', learningRate]];
}

/** What an epoch measured beside its steps, by name. */
export function epochScalars({ epoch, evaluation, imagesPerSecond, waiting, peakTensorBytes }: EpochReport): NamedScalar[] {
  return [
    ['epoch', epoch],
    ...(evaluation === null ? [] : [['test/accuracy', evaluation.accuracy] as const, ['test/loss', evaluation.loss] as const]),
    ['speed/images_per_second', imagesPerSecond],
    ['speed/waiting_for_data', waiting],
    ['memory/peak_tensor_bytes', peakTensorBytes],
    ['memory/resident_bytes', process.memoryUsage.rss()],
  ];
}
