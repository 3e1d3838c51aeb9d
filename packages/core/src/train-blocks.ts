import { span } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import type { BlockTrainer } from './blocks.ts';
import type { Batch, BlockStep } from './contracts.ts';
import { type BlockRow, packMetrics } from './metrics.ts';
import type { Plugins } from './plugins.ts';

type Moment = Pick<BlockStep, 'step' | 'epoch' | 'learningRate'>;

/**
 * Trains every block in turn on what the one before it made of the batch, which stays the caller's.
 *
 * @param lap the most bytes of tensors alive since its last call
 * @returns what was measured, one row per block, for the caller to dispose of; a step that fails leaves no tensor behind
 */
export function trainBlocks(trainers: readonly BlockTrainer[], plugins: Plugins, batch: Batch, at: Moment, lap: () => number): BlockRow[] {
  // All that the step makes: most of it is long gone when it fails, and to dispose of a tensor again does nothing.
  const made: tf.TensorContainer[] = [];
  let x = batch.images;
  try {
    return trainers.map((trainer) =>
      span(`block ${trainer.block.index + 1}`, () => {
        const { block, variables, optimizer } = trainer;
        const { loss, features, gradients: own } = trainer.differentiate(x, batch);
        made.push([loss.total, loss.terms, loss.logits ?? [], features ?? []] as tf.TensorContainer, own as tf.Tensor[]);
        const row = span('metrics', () => packMetrics(loss, batch.labels));
        made.push(row.values);
        tf.dispose([loss.total, loss.terms, loss.logits ?? []] as tf.TensorContainer);
        if (x !== batch.images) x.dispose();
        if (features !== null) x = features;
        const gradients = plugins.has('afterBackward') ? plugins.afterBackward({ ...at, block, variables, gradients: own }) : own;
        made.push(gradients as tf.Tensor[]);
        span('optimizer', () => optimizer.apply(gradients, at.learningRate));
        tf.dispose(gradients as tf.Tensor[]);
        if (plugins.has('afterBlockStep')) plugins.runSync('afterBlockStep', { ...at, block, variables, gradients: [] });
        trainer.peakBytes = Math.max(trainer.peakBytes, lap());
        return row;
      }),
    );
  } catch (error) {
    tf.dispose(made);
    throw error;
  }
}
