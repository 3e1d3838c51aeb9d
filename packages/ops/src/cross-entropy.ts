import * as tf from '@tensorflow/tfjs';
import { shapeMismatch } from './errors.ts';
import { defineGradient, defineKernel, nativeTensorFlow, runDifferentiable } from './kernel.ts';

type None = Readonly<Record<string, never>>;
const NONE: None = {};

/**
 * Cross-entropy of softmax(logits) and the labels, averaged over the batch.
 *
 * @param logits `[n, classes]` float32
 * @param labels `[n]` int32, 0 … classes-1
 * @throws MAN_OPS_SHAPE
 */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  if (logits.rank !== 2) throw shapeMismatch('softmaxCrossEntropy', 'logits of shape [n, classes]', logits);
  if (labels.rank !== 1 || labels.dtype !== 'int32' || labels.shape[0] !== logits.shape[0])
    throw shapeMismatch('softmaxCrossEntropy', `int32 labels of shape [${logits.shape[0]}]`, labels);
  return tf.tidy(() => softmaxLoss({ logits, labels }, NONE)[0] as tf.Scalar);
}

/** Outputs: the mean loss, and what its gradient is but for the incoming factor: (softmax - onehot) / n. */
const softmaxLoss = defineKernel<{ logits: tf.Tensor; labels: tf.Tensor }, None, tf.Tensor[]>('ManSoftmaxCrossEntropy', {
  tensorflow: ({ logits, labels }, _, raw) =>
    tf.tidy(() => {
      const attributes = { T: 'float32', Tlabels: 'int32' };
      const [losses, slopes] = raw.many('SparseSoftmaxCrossEntropyWithLogits', [logits, labels], 2, attributes);
      return [tf.mean(losses!), tf.mul(slopes!, 1 / (logits.shape[0] as number))];
    }),
  composed: ({ logits, labels }) => {
    const oneHot = tf.cast(tf.oneHot(tf.cast(labels, 'int32'), logits.shape[1] as number), 'float32');
    const logProbabilities = tf.logSoftmax(logits);
    const n = logits.shape[0] as number;
    return [tf.mul(tf.sum(tf.mul(logProbabilities, oneHot)), -1 / n), tf.mul(tf.sub(tf.exp(logProbabilities), oneHot), 1 / n)];
  },
});

defineGradient('ManSoftmaxCrossEntropy', {
  outputs: [false, true],
  gradient: (dy, [slopes]) => ({ logits: () => tf.mul(dy, slopes!) }),
});

/**
 * Binary cross-entropy of sigmoid(logits) and the targets, averaged over all elements; one pass, and a gradient in closed form.
 *
 * @param logits float32, any shape
 * @param targets the same shape, in [0, 1]; no gradient flows into them
 * @throws MAN_OPS_SHAPE
 */
export function sigmoidCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  if (!tf.util.arraysEqual(logits.shape, targets.shape))
    throw shapeMismatch('sigmoidCrossEntropy', `targets of shape [${logits.shape.join(',')}]`, targets);
  return (nativeSigmoidLoss(logits, targets) ?? sigmoidLoss({ logits, targets }, NONE)) as tf.Scalar;
}

/** Loss and gradient in one pass over the logits. */
function nativeSigmoidLoss(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor | null {
  const raw = nativeTensorFlow();
  if (raw === undefined) return null;
  const [loss] = runDifferentiable({
    inputs: { logits },
    forward(save) {
      const [mean, slopes] = raw.many('ManSigmoidCrossEntropy', [logits, targets], 2, {}) as [tf.Tensor, tf.Tensor];
      save([slopes]);
      return [mean];
    },
    backward: (dy, [slopes]) => ({ logits: () => raw.one('ManScale', [slopes as tf.Tensor, dy], {}) }),
  });
  return loss as tf.Tensor;
}

const sigmoidLoss = defineKernel<{ logits: tf.Tensor; targets: tf.Tensor }, None, tf.Tensor>('ManSigmoidCrossEntropy', {
  tensorflow: ({ logits, targets }, _, raw) =>
    tf.tidy(() => tf.sub(tf.mean(raw.one('Softplus', [logits])), tf.mean(raw.one('Mul', [logits, targets])))),
  composed: ({ logits, targets }) => {
    // log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|))
    const softplus = tf.add(tf.relu(logits), tf.log1p(tf.exp(tf.neg(tf.abs(logits)))));
    return tf.sub(tf.mean(softplus), tf.mean(tf.mul(logits, targets)));
  },
});

const sigmoidLossGradient = defineKernel<{ dy: tf.Tensor; logits: tf.Tensor; targets: tf.Tensor }, None, tf.Tensor>(
  'ManSigmoidCrossEntropyGradient',
  {
    tensorflow: ({ dy, logits, targets }) => tf.tidy(() => slope(dy, logits, targets)),
    composed: ({ dy, logits, targets }) => slope(dy, logits, targets),
  },
);

function slope(dy: tf.Tensor, logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sub(tf.sigmoid(logits), targets), tf.div(dy, logits.size));
}

defineGradient('ManSigmoidCrossEntropy', {
  inputs: ['logits', 'targets'],
  gradient: (dy, [logits, targets]) => ({ logits: () => sigmoidLossGradient({ dy, logits: logits!, targets: targets! }, NONE) }),
});
