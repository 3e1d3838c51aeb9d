import { createRng } from '@man/base';
import { type BatchSource, cosine, disposeBatch, type LocalBlock, type Network, type Optimizer, sgd, type Unit } from '@man/core';
import { linear } from '@man/nn';
import { gradients, softmaxCrossEntropy } from '@man/ops';
import * as tf from '@tensorflow/tfjs';
import { badOption, noExamples } from './errors.ts';
import { layersOf, pooled, visitLayers } from './layers.ts';

export interface LinearProbeOptions {
  /** Passes over the training pictures; default 100. */
  readonly epochs?: number;
  /** First learning rate, which falls to 0 along a cosine; default 0.1. */
  readonly learningRate?: number;
  /** Default 1e-4. */
  readonly weightDecay?: number;
  /** Of the probes' initial weights; default 1. */
  readonly seed?: number | string;
  /** Ends training behind the running batch; what there is is tested. */
  readonly signal?: AbortSignal;
}

/** How well the output of a block can be separated by one linear layer. */
export interface ProbeResult {
  /** Name of the unit that the block ends with. */
  readonly unit: string;
  /** Share of test pictures classified correctly, 0 … 1. */
  readonly accuracy: number;
  /** Mean cross-entropy on the test pictures. */
  readonly loss: number;
}

interface Probe {
  readonly layer: Unit;
  readonly optimizer: Optimizer;
}

/**
 * Linear separability of the output of every block: the network is frozen, in evaluation mode, and for each block one linear layer learns to
 * classify its output, averaged over height and width. All probes learn in the same pass.
 *
 * SGD with Nesterov momentum 0.9, as the networks are trained; the paper states no recipe.
 *
 * @param blocks of a trainer, or none: then behind every unit
 * @param train as the network was trained, augmented
 * @throws MAN_ANALYSIS_OPTION, MAN_ANALYSIS_NO_DATA
 * @see MAN paper §4.6, Fig. 6
 * @example
 * ```ts
 * const results = await linearProbes(trainer.network, trainer.blocks, train, test, { epochs: 20 });
 * ```
 */
export async function linearProbes(
  network: Network,
  blocks: readonly LocalBlock[] | null,
  train: BatchSource,
  test: BatchSource,
  options: LinearProbeOptions = {},
): Promise<ProbeResult[]> {
  const { epochs = 100, learningRate = 0.1, weightDecay = 1e-4, seed = 1, signal } = options;
  if (!Number.isInteger(epochs) || epochs < 1) throw badOption('linearProbes', 'epochs', 'a whole number ≥ 1', epochs);
  if (!(learningRate > 0)) throw badOption('linearProbes', 'learningRate', 'a number above 0', learningRate);
  const ends = blocks === null ? network.units : blocks.map(({ units }) => units[units.length - 1] as Unit);
  const classes = network.classifier.outputShape[0] as number;
  const probes = ends.map((unit) => createProbe(unit, classes, weightDecay, seed));
  const rate = cosine({ base: learningRate, epochs, firstEpoch: 0 });
  try {
    for (let epoch = 1; epoch <= epochs && !signal?.aborted; epoch++) {
      let seen = 0;
      for await (const { images, labels } of batches(train, epoch)) {
        visitEnds(network, ends, images, (features, i) => step(probes[i] as Probe, features, labels, rate(epoch)));
        seen++;
        if (signal?.aborted) break;
      }
      if (seen === 0) throw noExamples('linearProbes');
    }
    return await score(network, ends, probes, test);
  } finally {
    for (const { layer, optimizer } of probes) {
      optimizer.dispose();
      layer.dispose();
    }
  }
}

function createProbe({ name, outputShape }: Unit, classes: number, weightDecay: number, seed: number | string): Probe {
  const features = outputShape[outputShape.length - 1] as number;
  const size = outputShape.length === 3 ? features : outputShape.reduce((a, b) => a * b, 1);
  const layer = linear({ features: classes })({ name, inputShape: [size], rng: createRng(seed).split('probe').split(name) });
  return { layer, optimizer: sgd({ weightDecay }).create(layer.parameters()) };
}

/** One update of a probe. */
function step({ layer, optimizer }: Probe, features: tf.Tensor2D, labels: tf.Tensor1D, learningRate: number): void {
  const { value, gradients: slopes } = gradients(
    () => ({ loss: softmaxCrossEntropy(layer.apply(features, true) as tf.Tensor2D, labels) }),
    Object.values(layer.parameters()),
  );
  optimizer.apply(slopes, learningRate);
  tf.dispose([value.loss, slopes as tf.Tensor[]]);
}

/** Accuracy and cross-entropy of each probe. */
async function score(network: Network, ends: readonly Unit[], probes: readonly Probe[], test: BatchSource): Promise<ProbeResult[]> {
  const sums = probes.map(() => ({ correct: 0, loss: 0 }));
  let examples = 0;
  for await (const { images, labels } of batches(test, 1)) {
    const n = labels.shape[0];
    visitEnds(network, ends, images, (features, i) => {
      const logits = (probes[i] as Probe).layer.apply(features, false) as tf.Tensor2D;
      const right = tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
      const [correct, loss] = tf.stack([right, softmaxCrossEntropy(logits, labels)]).dataSync() as unknown as [number, number];
      const sum = sums[i] as (typeof sums)[0];
      sum.correct += correct;
      sum.loss += loss * n;
    });
    examples += n;
  }
  if (examples === 0) throw noExamples('linearProbes');
  return sums.map(({ correct, loss }, i) => ({
    unit: (ends[i] as Unit).name,
    accuracy: correct / examples,
    loss: loss / examples,
  }));
}

async function* batches(source: BatchSource, epoch: number) {
  for await (const batch of source.epoch(epoch)) {
    try {
      yield batch;
    } finally {
      disposeBatch(batch);
    }
  }
}

/** Gives `visit` the pooled output of each of `ends`, within a tidy. */
function visitEnds(network: Network, ends: readonly Unit[], images: tf.Tensor, visit: (features: tf.Tensor2D, end: number) => void): void {
  const layers = layersOf(network).slice(0, -1);
  visitLayers(layers, images, (output, i) => {
    const end = ends.indexOf(layers[i] as Unit);
    if (end >= 0) tf.tidy(() => void visit(pooled(output), end));
  });
}
