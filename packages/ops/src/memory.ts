import * as tf from '@tensorflow/tfjs';

interface TrackingEngine {
  readonly state: { readonly numBytes: number };
  trackTensor(tensor: tf.Tensor, backend: unknown): void;
}

/**
 * Runs `f` and measures the most bytes of tensors alive at once meanwhile (those alive before included).
 *
 * @example
 * ```ts
 * const { result, peakBytes } = measurePeakBytes(() => trainer.step(batch));
 * ```
 */
export function measurePeakBytes<T>(f: () => T): { readonly result: T; readonly peakBytes: number } {
  const engine = tf.engine() as unknown as TrackingEngine;
  const track = engine.trackTensor;
  let peakBytes = engine.state.numBytes;
  engine.trackTensor = function (this: TrackingEngine, tensor, backend) {
    track.call(this, tensor, backend);
    if (this.state.numBytes > peakBytes) peakBytes = this.state.numBytes;
  };
  try {
    return { result: f(), peakBytes };
  } finally {
    engine.trackTensor = track;
  }
}
