import * as tf from '@tensorflow/tfjs';

type Logs = NonNullable<Parameters<tf.Callback['onBatchEnd']>[1]>;

/** Puts the blocks' losses into the logs of batches, and their averages into those of epochs. */
export class BlockLosses extends tf.Callback {
  readonly #take: () => Readonly<Record<string, tf.Scalar>>;
  #sums: Record<string, tf.Scalar> = {};
  #seen = 0;

  /** @param take the losses of the last step by name, which are this object's from then on */
  constructor(take: () => Readonly<Record<string, tf.Scalar>>) {
    super();
    this.#take = take;
  }

  override async onEpochBegin(): Promise<void> {
    tf.dispose(this.#sums);
    this.#sums = {};
    this.#seen = 0;
  }

  override async onBatchEnd(_batch: number, logs: Logs = {}): Promise<void> {
    const size = logs.size as number;
    this.#seen += size;
    for (const [name, loss] of Object.entries(this.#take())) {
      const before = this.#sums[name];
      this.#sums[name] = tf.tidy(() => tf.add<tf.Scalar>(tf.mul(loss, size), before ?? 0));
      before?.dispose();
      logs[name] = loss; // fit disposes of it
    }
  }

  override async onEpochEnd(_epoch: number, logs: Logs = {}): Promise<void> {
    for (const [name, sum] of Object.entries(this.#sums)) logs[name] = tf.div<tf.Scalar>(sum, this.#seen);
    tf.dispose(this.#sums);
    this.#sums = {};
  }
}
