import { type BatchSource, disposeBatch, type Network } from '@man/core';
import * as tf from '@tensorflow/tfjs';
import { type CkaOptions, createCka } from './cka.ts';
import { badOption, noExamples } from './errors.ts';
import { layersOf, pooled, visitLayers } from './layers.ts';

export interface LayerSimilarityOptions extends CkaOptions {
  /** What is compared of a picture of features: all its values, or its means over height and width; default `'all'`. */
  readonly features?: 'all' | 'pooled';
  /** Batches to look at; default all of the source's first epoch. */
  readonly batches?: number;
}

/** Result of {@link layerSimilarity}. */
export interface LayerSimilarity {
  /** Names of the layers of either network: its units, then its classifier. */
  readonly layers: readonly [readonly string[], readonly string[]];
  /** Linear CKA, `[layer of the first][layer of the second]`. */
  readonly similarity: readonly (readonly number[])[];
  /** Examples it stands on. */
  readonly examples: number;
}

/**
 * Linear CKA between every layer of one network and every layer of another, on the same pictures, in evaluation mode.
 *
 * @param source pictures; a last batch of fewer than 4 is left out
 * @throws MAN_ANALYSIS_NO_DATA, MAN_ANALYSIS_OPTION
 * @see MAN paper §4.7, Fig. 7: each layer against the same layer of the network trained end to end
 * @example
 * ```ts
 * const { similarity } = await layerSimilarity(trainer.network, endToEnd.network, test);
 * ```
 */
export async function layerSimilarity(
  first: Network,
  second: Network,
  source: BatchSource,
  { features = 'all', batches = Number.POSITIVE_INFINITY, ...options }: LayerSimilarityOptions = {},
): Promise<LayerSimilarity> {
  if (features !== 'all' && features !== 'pooled') throw badOption('layerSimilarity', 'features', "'all' or 'pooled'", features);
  const cka = createCka(options);
  const networks = [layersOf(first), layersOf(second)] as const;
  let [seen, examples] = [0, 0];
  for await (const batch of source.epoch(1)) {
    try {
      const [n] = batch.images.shape as [number];
      if (n < 4) continue;
      tf.tidy(() => {
        const of = (layers: (typeof networks)[0]): tf.Tensor[] => {
          const outputs: tf.Tensor[] = [];
          visitLayers(layers, batch.images, (output) => outputs.push(features === 'pooled' ? pooled(output) : tf.clone(output)));
          return outputs;
        };
        cka.add(of(networks[0]), of(networks[1]));
      });
      examples += n;
      if (++seen >= batches) break;
    } finally {
      disposeBatch(batch);
    }
  }
  if (examples === 0) throw noExamples('layerSimilarity');
  const names = networks.map((layers) => layers.map(({ name }) => name)) as [string[], string[]];
  return { layers: names, similarity: cka.result(), examples };
}
