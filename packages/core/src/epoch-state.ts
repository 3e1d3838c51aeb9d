import type { Batch } from './contracts.ts';
import { type AverageState, MetricsAverage } from './metrics.ts';

/** What is known of an epoch that is under way, as data. */
export interface EpochPosition {
  /** Batches done of the epoch that is not; 0 between two epochs. */
  readonly batch: number;
  /** Batches and examples of an epoch, which must be the same when the rest of one is trained; 0 before the first. */
  readonly batches: number;
  readonly examples: number;
  /** Averages over the epoch so far, and how long it took. */
  readonly average: AverageState;
  readonly seconds: number;
  readonly waitedMs: number;
}

/** An epoch under way: how far it is, its averages, and how much of its time the engine waited for data. */
export class EpochState {
  batch = 0;
  batches = 0;
  examples = 0;
  readonly average: MetricsAverage;
  /** Time of earlier processes, or calls of `fit`, that trained a part of it. */
  readonly #secondsBefore: number;
  #start: number | undefined;
  #end: number | undefined;
  #waitedMs: number;

  constructor(
    position: EpochPosition = { batch: 0, batches: 0, examples: 0, average: { examples: 0, sums: [] }, seconds: 0, waitedMs: 0 },
  ) {
    this.batch = position.batch;
    this.batches = position.batches;
    this.examples = position.examples;
    this.average = new MetricsAverage(position.average);
    this.#secondsBefore = position.seconds;
    this.#waitedMs = position.waitedMs;
  }

  get position(): EpochPosition {
    const { batch, batches, examples, seconds } = this;
    return { batch, batches, examples, average: this.average.state, seconds, waitedMs: this.#waitedMs };
  }

  /** The batches of a source, with the time until each arrives counted as waiting. */
  async *timed(source: AsyncIterable<Batch> | Iterable<Batch>): AsyncGenerator<Batch> {
    this.#start ??= performance.now();
    let asked = performance.now();
    for await (const batch of source) {
      this.#waitedMs += performance.now() - asked;
      yield batch;
      asked = performance.now();
    }
  }

  /** Ends the measuring of time; evaluation is not part of it. */
  stop(): void {
    this.#end = performance.now();
  }

  get seconds(): number {
    return this.#secondsBefore + (this.#start === undefined ? 0 : ((this.#end ?? performance.now()) - this.#start) / 1000);
  }

  /** Share of the time spent waiting, 0 … 1. */
  get waiting(): number {
    return this.seconds === 0 ? 0 : Math.min(1, this.#waitedMs / 1000 / this.seconds);
  }
}
