import type * as tf from '@tensorflow/tfjs';

/** An optimiser of equal configuration and no state: those of tfjs keep state by position, so each list of variables needs its own. */
export function another(optimizer: tf.Optimizer): tf.Optimizer {
  const make = optimizer.constructor as tf.serialization.SerializableConstructor<tf.Optimizer>;
  return make.fromConfig(make, optimizer.getConfig()) as tf.Optimizer;
}

interface Rated {
  learningRate: number;
  setLearningRate?(rate: number): void;
}

/** Takes over a learning rate that a callback has changed. */
export function followRate(follower: tf.Optimizer, leader: tf.Optimizer): void {
  const [own, { learningRate }] = [follower as unknown as Rated, leader as unknown as Rated];
  if (own.learningRate === learningRate) return;
  if (own.setLearningRate === undefined) own.learningRate = learningRate;
  else own.setLearningRate(learningRate);
}
