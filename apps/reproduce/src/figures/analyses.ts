import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FeatureMaps, featureMaps, layerSimilarity, linearProbes, type ProbeResult } from '@man/analysis';
import { type LoadedNetwork, loadNetwork } from '@man/checkpoint';
import { disposeBatch } from '@man/core';
import { type Dataset, evaluationLoader } from '@man/data';
import { atomicWrite } from '@man/track';
import { loadTrainConfig } from '../configuration.ts';
import { loaders, openDataset } from '../data.ts';
import { startEngine } from '../engine.ts';
import { assemble } from '../factories.ts';
import { knownSet } from '../known-sets.ts';
import type { TrainConfig } from '../schema/index.ts';
import type { Job } from '../tables/job.ts';
import { fact } from '../terminal.ts';

/** A picture, and what a unit makes of it. */
export interface Seen {
  readonly pixels: Float32Array;
  readonly maps: FeatureMaps;
}

/** Looks into networks that were trained, one after the other. */
export class Analyses {
  readonly #signal: AbortSignal;
  /** Data sets that were opened, by their configuration. */
  readonly #datasets = new Map<string, Promise<Dataset>>();

  /** @param signal ends an analysis behind its running step, which then has no result */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * Linear separability behind every unit. Kept in the folder of the run, since it takes long.
   *
   * @returns null where it was stopped
   */
  async probes(job: Job, epochs: number): Promise<readonly ProbeResult[] | null> {
    const file = join(job.folder, `probes-${epochs}.json`);
    const kept = await readFile(file, 'utf8').catch(() => null);
    if (kept !== null) return JSON.parse(kept) as readonly ProbeResult[];
    if (this.#signal.aborted) return null;
    fact('probes', job.label);
    const { config, network, dataset } = await this.#open(job);
    const { train, test } = loaders(config, dataset);
    try {
      // Every unit is a block of the finest cut; end to end is looked at in the same places.
      const results = await linearProbes(network, null, train, test, { epochs, seed: job.seed, signal: this.#signal });
      if (this.#signal.aborted) return null;
      await atomicWrite(file, `${JSON.stringify(results, null, 2)}\n`);
      return results;
    } finally {
      network.dispose();
      await Promise.all([train.close(), test.close()]);
    }
  }

  /** Linear CKA between each layer of two networks and the same layer of the other, on the test pictures; null where it was stopped. */
  async similarity(job: Job, other: Job): Promise<readonly { readonly layer: string; readonly cka: number }[] | null> {
    if (this.#signal.aborted) return null;
    fact('CKA', job.label);
    const [{ config, network, dataset }, second] = [await this.#open(job), await this.#open(other)];
    const { train, test } = loaders(config, dataset);
    try {
      const { layers, similarity } = await layerSimilarity(network, second.network, test);
      return layers[0].map((layer, i) => ({ layer, cka: similarity[i]?.[i] ?? Number.NaN }));
    } finally {
      network.dispose();
      second.network.dispose();
      await Promise.all([train.close(), test.close()]);
    }
  }

  /** What a unit makes of the first test pictures, and those themselves: `[height, width, 3]` in 0 … 1, row by row. */
  async maps(job: Job, unit: string, pictures: number): Promise<readonly Seen[]> {
    fact('maps', job.label);
    const { network, dataset } = await this.#open(job);
    const test = evaluationLoader(dataset, { batch: pictures, workers: 0, pixels: true });
    try {
      for await (const batch of test.epoch(1)) {
        const maps = featureMaps(network, batch.images, { unit });
        const pixels = (batch.pixels?.dataSync() ?? []) as Float32Array;
        const size = pixels.length / maps.length;
        disposeBatch(batch);
        return maps.map((each, i) => ({ maps: each, pixels: pixels.slice(i * size, (i + 1) * size) }));
      }
      return [];
    } finally {
      network.dispose();
      await test.close();
    }
  }

  async #open(job: Job): Promise<{ readonly config: TrainConfig; readonly network: LoadedNetwork; readonly dataset: Dataset }> {
    const { config } = loadTrainConfig(job.overrides);
    await startEngine(config);
    const { backbone } = assemble(config, knownSet(config.dataset));
    const network = await loadNetwork(join(job.folder, 'weights.safetensors'), { backbone });
    const key = JSON.stringify([config.dataset, config.data]);
    const dataset = this.#datasets.get(key) ?? openDataset(config, this.#signal).then((opened) => opened.dataset);
    this.#datasets.set(key, dataset);
    return { config, network, dataset: await dataset };
  }
}
