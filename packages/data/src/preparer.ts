import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { workerMissing } from './errors.ts';
import { type BatchTask, type Fault, prepareBatch } from './prepare.ts';

/** Does batches' work, on threads or here; the results are the same. */
export interface Preparer {
  /** Threads it may use; 0 for none. */
  readonly workers: number;
  /**
   * @param isStopped asked between pictures where there are no threads
   * @throws what a thread died of
   */
  prepare(task: BatchTask, isStopped: () => boolean): Promise<readonly Fault[]>;
  /** Ends all threads at once; work under way is rejected. It can be used again afterwards. */
  stop(): Promise<void>;
}

/** How long an idle thread is kept: longer than the steps of most networks, so that it is not started again for each batch. */
const IDLE_MS = 10_000;
/** Threads that decode, unless told otherwise: more than one machine's disk feeds. */
const MAX_USUAL_WORKERS = 8;

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
 * @param workers undefined: none on one core or from sources; else one, or one per core for work that is heavy
 * @throws `MAN_DATA_WORKER_MISSING` if threads were asked for and their program is not there
 */
export function createPreparer(workers: number | undefined, tasksAhead: number, isHeavy: boolean, workerFile?: string): Preparer {
  const found = workerFile === undefined ? workerFileOf(import.meta.url) : { file: workerFile, built: true };
  const cores = availableParallelism();
  const usual = isHeavy ? Math.min(cores, MAX_USUAL_WORKERS) : 1;
  const count = workers ?? (found.built && existsSync(found.file) && cores > 1 ? usual : 0);
  if (count === 0) return inProcess;
  if (!existsSync(found.file)) throw workerMissing(found.file);
  return threads(found.file, count, tasksAhead, isHeavy);
}

const inProcess: Preparer = {
  workers: 0,
  prepare: prepareBatch,
  stop: async () => {},
};

/** A pool of threads and its end: a promise that rejects when a thread cannot be started or dies. */
interface Pool {
  readonly piscina: Piscina;
  readonly broken: Promise<never>;
}

function threads(file: string, count: number, tasksAhead: number, isHeavy: boolean): Preparer {
  let pool: Promise<Pool> | null = null;
  const stop = async () => {
    const stopped = pool;
    pool = null;
    if (stopped !== null) await (await stopped).piscina.destroy();
  };
  return {
    workers: count,
    async prepare(task, isStopped) {
      if (pool === null) {
        pool = startPool(file, count, tasksAhead, isHeavy);
        // Starting a thread takes longer than a batch from memory: training need not wait for it.
        if (!isHeavy) return prepareBatch(task, isStopped);
      }
      const { piscina, broken } = await pool;
      return (await Promise.race([piscina.run(task), broken])) as readonly Fault[];
    },
    stop,
  };
}

async function startPool(file: string, count: number, tasksAhead: number, isHeavy: boolean): Promise<Pool> {
  // Its library must not be unloaded with the first thread that ends: it has to be loaded here first.
  if (isHeavy) await import('sharp');
  const { Piscina } = await import('piscina');
  const piscina = new Piscina({
    filename: file,
    name: 'prepare',
    minThreads: 0,
    maxThreads: count,
    // Work for all slots is handed over at once: the training thread is busy for seconds and cannot pass on tasks one by one.
    concurrentTasksPerWorker: Math.max(1, Math.ceil(tasksAhead / count)),
    idleTimeout: IDLE_MS,
    // Pictures are outside of JavaScript's heap: a thread that needs more than this has gone mad.
    resourceLimits: { maxOldGenerationSizeMb: 512 },
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
