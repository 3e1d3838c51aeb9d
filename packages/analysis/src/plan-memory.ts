import { type Batch, disposeBatch, type Trainer } from '@man/core';
import { type ShapesOptions, unfilled, withShapes } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { badOption } from './errors.ts';

export interface PlanOptions extends ShapesOptions {
  /** Pictures per step. */
  readonly batch: number;
}

/** Memory of one block's turn within a step. */
export interface BlockMemory {
  /** Names of its units. */
  readonly units: readonly string[];
  /** Most bytes of tensors alive at once meanwhile: those of all blocks' weights included. */
  readonly peakTensorBytes: number;
}

/** What {@link planMemory} foresees, in bytes. */
export interface MemoryPlan {
  readonly batch: number;
  /** Most bytes of tensors alive at once within a step: what `trainer.peakTensorBytes` will say. */
  readonly peakTensorBytes: number;
  /** What stays between steps: weights, running statistics, copies of MAN, the optimiser's state. */
  readonly heldBytes: number;
  /** The batch itself, with the pixels that decoders rebuild. */
  readonly batchBytes: number;
  readonly blocks: readonly BlockMemory[];
  /**
   * Most that the process takes for all this: tensors, gaps between them, scratch memory of the kernels; on a CPU, where the operating system sees it.
   * The program itself, the pictures of the data set and the batches prepared ahead come on top.
   */
  readonly processBytes: number;
  /** Of that, scratch memory of this project's kernels; what TensorFlow's own take is not known. */
  readonly workspaceBytes: number;
}

/**
 * Peak memory of a training step, without running it: the step is taken on an engine that knows shapes only, computes nothing and takes no
 * memory, and follows every tensor from its making to its end.
 *
 * @param create makes the trainer to plan for, which is disposed of; plugins must be made anew in it, too. It must not use tensors made before.
 * @throws MAN_ANALYSIS_OPTION, MAN_OPS_NO_SHAPE, and what `create` and a step throw
 * @see MAN paper Table 3
 * @example
 * ```ts
 * const { peakTensorBytes, blocks } = planMemory(() => createTrainer({ backbone: imageNetResNet(), partition: { blocks: 4 }, ... }), { batch: 128 });
 * ```
 */
export function planMemory(create: () => Trainer, { batch, ...options }: PlanOptions): MemoryPlan {
  if (!Number.isInteger(batch) || batch < 2) throw badOption('planMemory', 'batch', 'a whole number ≥ 2', batch);
  const before = tf.memory().numBytes;
  return withShapes((taken) => {
    const trainer = create();
    try {
      const pictures = pictureBatch(trainer, batch);
      const batchBytes = bytesOf(pictures);
      // The first step makes the optimiser's state. Gaps between tensors grow for another two.
      for (let step = 0; step < 3; step++) trainer.step(pictures, { learningRate: 0.1 });
      const others = (bytes: number) => bytes - before;
      const blocks = trainer.blocks.map(({ units }, i) => ({
        units: units.map(({ name }) => name),
        peakTensorBytes: others(trainer.peakBytesOfBlocks[i] as number),
      }));
      const peakTensorBytes = others(trainer.peakTensorBytes);
      disposeBatch(pictures);
      const { arena, others: beside, large, workspace } = taken();
      const heldBytes = others(tf.memory().numBytes);
      return {
        batch,
        peakTensorBytes,
        heldBytes,
        batchBytes,
        blocks,
        processBytes: arena + beside + large + workspace,
        workspaceBytes: workspace,
      };
    } finally {
      trainer.dispose();
    }
  }, options);
}

function pictureBatch({ backbone }: Trainer, batch: number): Batch {
  const shape = [batch, ...backbone.inputShape];
  return {
    images: unfilled(shape, 'float32'),
    labels: unfilled([batch], 'int32') as tf.Tensor1D,
    pixels: unfilled(shape, 'float32'),
  };
}

const bytesOf = ({ images, labels, pixels }: Batch) => 4 * (images.size + labels.size + (pixels?.size ?? 0));
