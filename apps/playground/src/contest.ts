import { featureMaps } from '@man/analysis';
import { resnet } from '@man/backbone-resnet';
import { createTrainer, disposeBatch, sgd, type Trainer } from '@man/core';
import { dgl } from '@man/loss-dgl';
import { measurePeakBytes } from '@man/ops';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { type Contestant, type FeatureMap, type Judgement, METHODS, type Method, type Progress } from './messages.ts';
import type { Pictures } from './pictures.ts';

/** Steps between two evaluations. */
export const JUDGE_EVERY = 20;
const SEED = 1;
const RATE = 0.05;
/** Of ResNet-14: the stem, and six units in three stages. Each is a block. */
const BLOCKS = 7;

const PARTS: Readonly<Record<Method, (backbone: ReturnType<typeof resnet>) => Trainer>> = {
  'end-to-end': (backbone) => create({ backbone }),
  local: (backbone) => create({ backbone, partition: { blocks: BLOCKS }, loss: dgl() }),
  // A short contest: copies that follow quicker than the paper's 0.995, which looks back on some 200 steps.
  man: (backbone) => create({ backbone, partition: { blocks: BLOCKS }, loss: dgl(), plugins: [man({ momentum: 0.9 })] }),
};

function create(options: Parameters<typeof createTrainer>[0]): Trainer {
  return createTrainer({ ...options, optimizer: sgd({ weightDecay: 1e-4 }), schedule: () => RATE, seed: SEED });
}

/** The same small ResNet-14 three times, from the same weights, on the same pictures. */
export class Contest {
  readonly contestants: readonly Contestant[];
  readonly #trainers: ReadonlyMap<Method, Trainer>;
  readonly #pictures: Pictures;
  readonly #example: tf.Tensor;
  #step = 0;

  constructor(pictures: Pictures) {
    this.#pictures = pictures;
    this.#example = pictures.example();
    this.#trainers = new Map(METHODS.map((method) => [method, PARTS[method](resnet({ depth: 14, width: 8 }))]));
    this.contestants = [...this.#trainers].map(([method, trainer]) => {
      const { network, auxiliary } = trainer.countParameters();
      return { method, blocks: trainer.blocks.length, parameters: network, auxiliaryParameters: auxiliary };
    });
  }

  /** Steps that every method has taken. */
  get step(): number {
    return this.#step;
  }

  /** One step of each method on the same batch, told one by one. */
  *train(): Generator<Progress> {
    for (const [method, trainer] of this.#trainers) {
      const start = performance.now();
      const batch = this.#pictures.batch(this.#step);
      // All three lie in the same memory: what the step takes beside what was there.
      const before = tf.memory().numBytes;
      const { peakBytes } = measurePeakBytes(() => trainer.step(batch));
      disposeBatch(batch);
      const [metrics] = trainer.readMetrics();
      const losses = (metrics?.blocks ?? []).map(({ loss }) => loss);
      yield { method, step: this.#step + 1, losses, bytes: peakBytes - before, milliseconds: performance.now() - start };
    }
    this.#step++;
  }

  /** Test accuracy and feature maps of each method. */
  async *judge(): AsyncGenerator<Judgement> {
    for (const [method, trainer] of this.#trainers) {
      const { accuracy } = await trainer.evaluate(this.#pictures.test);
      yield { method, step: this.#step, accuracy, maps: this.#maps(trainer) };
    }
  }

  dispose(): void {
    for (const trainer of this.#trainers.values()) trainer.dispose();
    this.#example.dispose();
  }

  /** Of each unit, so that columns compare: the mean over the channels of its output. */
  #maps({ network }: Trainer): FeatureMap[] {
    return network.units.map(({ name }) => {
      const [maps] = featureMaps(network, this.#example, { unit: name, channels: 0 });
      if (maps === undefined) throw new Error(`no map of ${name}`);
      const { height, width, mean } = maps;
      return { height, width, pixels: Uint8ClampedArray.from(mean, (value) => 255 * value) };
    });
  }
}
