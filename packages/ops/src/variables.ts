import * as tf from '@tensorflow/tfjs';

/**
 * A variable with a name of its own in the tfjs registry, so that any number of networks can live in one process.
 *
 * @param value its first value; disposed of
 * @param trainable false for running statistics and EMA copies: `tf.variableGrads` and tfjs optimisers leave those alone
 */
export function createVariable(value: tf.Tensor, trainable = true): tf.Variable {
  const variable = tf.variable(value, trainable);
  value.dispose();
  return variable;
}
