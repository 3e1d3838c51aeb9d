import * as tf from '@tensorflow/tfjs';

interface TrackingEngine {
  readonly state: {
    readonly numBytes: number;
    readonly tensorInfo: { get(dataId: object): { readonly bytes: number } | undefined };
  };
  trackTensor(tensor: tf.Tensor, backend: unknown): void;
  removeDataId(dataId: object, backend: unknown): void;
}

/**
 * Runs `f` and measures the most bytes of tensors alive at once meanwhile (those alive before included).
 *
 * Tensors that share their values count once, unlike in `tf.memory().numBytes`, which counts every handle: what a reverse
 * pass saves is mostly shared.
 *
 * @param f may call what it is given for the most since its last call (the first time, since the start): peaks of its parts
 * @example
 * ```ts
 * const { result, peakBytes } = measurePeakBytes(() => trainer.step(batch));
 * ```
 */
export function measurePeakBytes<T>(f: (lap: () => number) => T): { readonly result: T; readonly peakBytes: number } {
  const engine = tf.engine() as unknown as TrackingEngine;
  const { trackTensor, removeDataId } = engine;
  const { tensorInfo } = engine.state;
  let liveBytes = engine.state.numBytes;
  let [peakBytes, lapBytes] = [liveBytes, liveBytes];
  engine.trackTensor = (tensor, backend) => {
    const isNew = tensorInfo.get(tensor.dataId) === undefined;
    trackTensor.call(engine, tensor, backend);
    if (!isNew) return;
    liveBytes += tensorInfo.get(tensor.dataId)?.bytes ?? 0;
    if (liveBytes > lapBytes) lapBytes = liveBytes;
  };
  engine.removeDataId = (dataId, backend) => {
    liveBytes -= tensorInfo.get(dataId)?.bytes ?? 0;
    removeDataId.call(engine, dataId, backend);
  };
  const lap = () => {
    const most = lapBytes;
    peakBytes = Math.max(peakBytes, most);
    lapBytes = liveBytes;
    return most;
  };
  try {
    const result = f(lap);
    lap();
    return { result, peakBytes };
  } finally {
    engine.trackTensor = trackTensor;
    engine.removeDataId = removeDataId;
  }
}
