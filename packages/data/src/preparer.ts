import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import type { Finished } from './augment.ts';
import { workerFailed, workerMissing } from './errors.ts';
import { type BatchTask, prepareBatch } from './prepare.ts';

/** Does batches' work, on threads or here; the results are the same. */
export interface Preparer {
  /** Threads it may use; 0 for none. */
  readonly workers: number;
  prepare(task: BatchTask): Promise<Finished>;
  /** Ends all threads; work under way is rejected. It can be used again afterwards. */
  stop(): Promise<void>;
}

/** How long an idle thread is kept: longer than the steps of most networks, so that it is not started again for each batch. */
const IDLE_MS = 10_000;

/**
 * Where the worker thread's program is, given the URL of this module: beside it when built; for sources, which Node before 22.18 cannot
 * run as a thread, in the package's `dist`.
 */
export function workerFileOf(moduleUrl: string): { file: string; built: boolean } {
  const built = !moduleUrl.endsWith('.ts');
  return { file: fileURLToPath(new URL(built ? './augment-worker.js' : '../dist/augment-worker.js', moduleUrl)), built };
}

/**
 * Chooses threads or none.
 *
 * @param workers undefined: one thread if this is the built package on a machine with several cores, else none
 * @throws `MAN_DATA_WORKER_MISSING` if threads were asked for and their program is not there
 */
export function createPreparer(workers: number | undefined, tasksAhead: number, workerFile?: string): Preparer {
  const found = workerFile === undefined ? workerFileOf(import.meta.url) : { file: workerFile, built: true };
  const count = workers ?? (found.built && existsSync(found.file) && availableParallelism() > 1 ? 1 : 0);
  if (count === 0) return inProcess;
  if (!existsSync(found.file)) throw workerMissing(found.file);
  return threads(found.file, count, tasksAhead);
}

const inProcess: Preparer = {
  workers: 0,
  // Asynchronous, so that a fault rejects in both kinds.
  prepare: async (task) => prepareBatch(task),
  stop: async () => {},
};

/** A pool of threads and its end: a promise that rejects when a thread cannot be started or dies. */
interface Pool {
  readonly piscina: Piscina;
  readonly broken: Promise<never>;
}

function threads(file: string, count: number, tasksAhead: number): Preparer {
  let pool: Promise<Pool> | null = null;
  const stop = async () => {
    const stopped = pool;
    pool = null;
    if (stopped !== null) await (await stopped).piscina.destroy();
  };
  return {
    workers: count,
    async prepare(task) {
      pool ??= startPool(file, count, tasksAhead);
      try {
        const { piscina, broken } = await pool;
        return (await Promise.race([piscina.run(task), broken])) as Finished;
      } catch (cause) {
        throw workerFailed(cause);
      }
    },
    stop,
  };
}

async function startPool(file: string, count: number, tasksAhead: number): Promise<Pool> {
  const { Piscina } = await import('piscina');
  const piscina = new Piscina({
    filename: file,
    name: 'prepare',
    minThreads: 0,
    maxThreads: count,
    // Work for all slots is handed over at once: the training thread is busy for seconds and cannot pass on tasks one by one.
    concurrentTasksPerWorker: Math.max(1, Math.ceil(tasksAhead / count)),
    idleTimeout: IDLE_MS,
  });
  // A thread that fails before its first task is reported here only: its tasks would wait for ever, and the pool start others.
  const broken = new Promise<never>((_, reject) => {
    piscina.once('error', (cause) => {
      reject(cause);
      piscina.on('error', () => {});
      void piscina.destroy().catch(() => {});
    });
  });
  broken.catch(() => {});
  return { piscina, broken };
}
