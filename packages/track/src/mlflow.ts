import type { EpochReport, FitReport, ProgressReport, Run, TrainerPlugin } from '@man/core';
import { badOption } from './errors.ts';
import type { MlflowMetric, MlflowServer, MlflowStart } from './mlflow-api.ts';
import { Spool } from './mlflow-spool.ts';
import { epochScalars, type NamedScalar, stepScalars } from './scalars.ts';

/** Options of {@link mlflow}. */
export interface MlflowOptions {
  /** Of the tracking server: `http://localhost:5000`. */
  readonly url: string;
  /** Sent with every request, e.g. `{ authorization: 'Bearer …' }`; default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** File in which everything waits until the server has it, usually `mlflow.jsonl` in the folder of the run. */
  readonly spool: string;
  /** Made where missing; default `'MAN'`. */
  readonly experiment?: string;
  /** Of the run; default `'run'`. */
  readonly name?: string;
  /** Parameters of the run: its configuration. Default none. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default none. */
  readonly tags?: Readonly<Record<string, string>>;
  /** How long the end of `fit` waits for a server that is away; default 10,000. What is left stays in the spool. */
  readonly patienceMs?: number;
  /** Told when delivery fails, and with null when it works again; a run never fails for it. Default: nobody. */
  readonly onDelivery?: (problem: unknown) => void;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * Sends what a run measures to an MLflow tracking server, in the background: each step's losses and accuracies, each epoch's evaluation, speed
 * and memory, and how the run ended.
 *
 * Everything is written to the spool first, so nothing is lost while the server is away, slow or restarted, nor when this process is killed: a
 * resumed run with the same spool goes on in the same run of MLflow, and {@link deliverMlflow} sends what is left of an ended one.
 *
 * @throws MAN_TRACK_BAD_OPTION; MAN_TRACK_WRITE_FAILED where the spool cannot be written
 * @example
 * ```ts
 * const plugins = [mlflow({ url: 'http://localhost:5000', spool: 'runs/a/mlflow.jsonl', name: 'a' })];
 * ```
 */
export function mlflow(options: MlflowOptions): TrainerPlugin {
  const { spool: file, patienceMs = 10_000, clock = Date.now } = options;
  check(options);
  let spool: Spool | undefined;
  let delivery: Delivery | undefined;
  let [step, known] = [0, 0];
  const add = (at: number, scalars: readonly NamedScalar[]) => {
    // A resumed run does steps again that an earlier process spooled: they are the same.
    if (at <= known || spool === undefined) return;
    const timestamp = clock();
    spool.add({ metrics: scalars.map(([key, value]): MlflowMetric => ({ key, value: number(value), timestamp, step: at })) });
  };
  const end = async (status: 'FINISHED' | 'FAILED' | 'KILLED') => {
    spool?.add({ status, endTime: clock() });
    spool?.sync();
    await delivery?.finish(patienceMs);
  };
  return {
    name: 'mlflow',
    setup(run: Run) {
      spool = new Spool(file);
      delivery = new Delivery(spool, options, startOf(options, clock()));
      step = run.steps;
      known = spool.lastStep();
      delivery.nudge();
    },
    onProgress({ steps }: ProgressReport) {
      for (const each of steps) add(each.step, stepScalars(each));
      step = steps.at(-1)?.step ?? step;
      delivery?.nudge();
    },
    onEpochEnd(report: EpochReport) {
      // Beside the steps' own numbers, at the last step: an epoch whose last step was known is known, too, unless it was killed right there.
      const timestamp = clock();
      if (step >= known)
        spool?.add({ metrics: epochScalars(report).map(([key, value]) => ({ key, value: number(value), timestamp, step })) });
      spool?.sync();
      delivery?.nudge();
    },
    onFitEnd: ({ interrupted }: FitReport) => end(interrupted ? 'KILLED' : 'FINISHED'),
    onError: () => end('FAILED'),
    dispose() {
      delivery?.close();
      spool = undefined;
    },
  };
}

/**
 * Sends what is left in a spool, for runs that ended while the server was away.
 *
 * @throws MAN_TRACK_MLFLOW where the server refuses, the error of `fetch` where it is away; what was sent before stays sent
 */
export async function deliverMlflow(options: MlflowOptions): Promise<void> {
  check(options);
  const spool = new Spool(options.spool);
  try {
    await spool.deliver(options, startOf(options, (options.clock ?? Date.now)()));
  } finally {
    spool.close();
  }
}

/** At most one delivery at a time, in the background, and not more often than a server that is away should be asked. */
class Delivery {
  readonly #spool: Spool;
  readonly #server: MlflowServer;
  readonly #start: MlflowStart;
  readonly #onDelivery: (problem: unknown) => void;
  #running: Promise<boolean> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(spool: Spool, { url, headers, onDelivery = () => {} }: MlflowOptions, start: MlflowStart) {
    this.#spool = spool;
    this.#server = headers === undefined ? { url } : { url, headers };
    this.#start = start;
    this.#onDelivery = onDelivery;
  }

  /** Begins a delivery unless one is under way or the last one failed a moment ago. */
  nudge(): void {
    if (this.#running === undefined && performance.now() - this.#failedAt > 5000) void this.#deliver();
  }

  /** Delivers all there is, trying again until the time is over. */
  async finish(patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs;
    await this.#running;
    while (!(await this.#deliver()) && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, Math.min(500, patienceMs)));
  }

  /** Once nothing is under way any more, the spool is closed. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void Promise.resolve(this.#running).then(() => this.#spool.close());
  }

  #deliver(): Promise<boolean> {
    const running = this.#spool.deliver(this.#server, this.#start).then(
      () => {
        if (Number.isFinite(this.#failedAt)) this.#onDelivery(null);
        this.#failedAt = Number.NEGATIVE_INFINITY;
        return true;
      },
      (error: unknown) => {
        this.#failedAt = performance.now();
        this.#onDelivery(error);
        return false;
      },
    );
    this.#running = running.finally(() => {
      this.#running = undefined;
    });
    return running;
  }
}

function check({ url, spool }: MlflowOptions): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw badOption('mlflow({ url })', 'the address of a server, e.g. http://localhost:5000', url);
  if (typeof spool !== 'string' || spool === '') throw badOption('mlflow({ spool })', 'the name of a file', spool);
}

function startOf({ experiment = 'MAN', name = 'run', parameters = {}, tags = {} }: MlflowOptions, startTime: number): MlflowStart {
  return { experiment, name, startTime, parameters, tags };
}

function number(value: number): MlflowMetric['value'] {
  return Number.isFinite(value) ? value : (String(value) as 'NaN' | 'Infinity' | '-Infinity');
}
