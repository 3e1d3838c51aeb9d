import { availableParallelism, loadavg } from 'node:os';
import { type MemoryPlan, planMemory } from '@man/analysis';
import { type Batch, disposeBatch, type Trainer } from '@man/core';
import { formatBytes, formatDuration, textTable } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { loadTrainConfig } from '../configuration.ts';
import { engineText, startEngine } from '../engine.ts';
import { knownSet } from '../known-sets.ts';
import { trainerOf } from '../plan-command.ts';
import { epochSize } from '../rules.ts';
import type { TrainConfig } from '../schema/index.ts';
import { fact } from '../terminal.ts';
import { budgetText, methodName } from './cell.ts';
import { type Job, stateOf } from './job.ts';
import type { Study } from './study.ts';

/** What the runs of a cell that are not there yet will take. */
export interface CellEstimate {
  readonly id: string;
  readonly budget: string;
  /** Runs that are not there yet. */
  readonly runs: number;
  /** Of each run: training and evaluation. */
  readonly seconds: number;
  /** What a training step takes of the process's memory. */
  readonly processBytes: number;
  readonly peakTensorBytes: number;
  /** What is left of each run, and what its checkpoints take until it is finished. */
  readonly weightBytes: number;
  readonly checkpointBytes: number;
}

/**
 * `--dry`: what would run, how long, with how much memory and disk. Memory is planned, time is that of one measured step of each network and
 * method, with few pictures; nothing is trained or written.
 */
export async function dryRun(study: Study, json: boolean): Promise<number> {
  const estimates = await estimate(await openByCell(study));
  // Runs at the same time; of a queue nobody knows.
  const width = study.launcher.type === 'serial' ? 1 : (study.launcher.jobs ?? sum(estimates.map(({ runs }) => runs)));
  const total = {
    runs: sum(estimates.map(({ runs }) => runs)),
    seconds: sum(estimates.map(({ runs, seconds }) => runs * seconds)),
    processBytes: sum(largest(estimates, width, ({ processBytes }) => processBytes)),
    diskBytes:
      sum(estimates.map(({ runs, weightBytes }) => runs * weightBytes)) + sum(largest(estimates, width, (each) => each.checkpointBytes)),
  };
  process.stdout.write(`${json ? JSON.stringify({ profile: study.profile, cells: estimates, total }) : textOf(estimates, total, width)}\n`);
  return 0;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** What the `count` runs that take most of something take. */
function largest(estimates: readonly CellEstimate[], count: number, read: (estimate: CellEstimate) => number): readonly number[] {
  const values = estimates.flatMap((each) => Array.from({ length: each.runs }, () => read(each)));
  return values.sort((a, b) => b - a).slice(0, count);
}

/** The chosen jobs without a result, by cell. */
async function openByCell({ jobs, chosen }: Study): Promise<readonly (readonly Job[])[]> {
  const open = new Map<string, Job[]>();
  for (const job of jobs) {
    if (!chosen.has(job.cell.id) || (await stateOf(job)).state === 'finished') continue;
    open.set(job.cell.id, [...(open.get(job.cell.id) ?? []), job]);
  }
  return [...open.values()];
}

/** What is the same for all cells of one network and method, whatever the data set. */
interface Measurement {
  readonly plan: MemoryPlan;
  readonly secondsPerPicture: number;
  readonly weightBytes: number;
}

async function estimate(cells: readonly (readonly Job[])[]): Promise<readonly CellEstimate[]> {
  const known = new Map<string, Measurement>();
  const estimates: CellEstimate[] = [];
  for (const jobs of cells) {
    const [job] = jobs as [Job];
    const { config } = loadTrainConfig(job.overrides);
    const set = knownSet(config.dataset);
    const key = JSON.stringify([
      config.backbone,
      config.partition,
      config.loss,
      config.plugin,
      config.train.batch,
      set.imageShape,
      set.classes,
    ]);
    const measured = known.get(key) ?? (await measureCell(job, config));
    known.set(key, measured);
    const pictures = epochSize(config, set.pictures);
    const { epochs } = config.train;
    // An evaluation takes the forward pass alone, about a third.
    const seen = epochs * (pictures + Math.min(config.test.limit ?? set.testPictures, set.testPictures) / 3);
    estimates.push({
      id: job.cell.id,
      budget: budgetText(pictures, epochs, config.dataset.type),
      runs: jobs.length,
      seconds: seen * measured.secondsPerPicture,
      processBytes: measured.plan.processBytes,
      peakTensorBytes: measured.plan.peakTensorBytes,
      weightBytes: measured.weightBytes,
      // The last two are kept while a third one is written.
      checkpointBytes: 3 * measured.plan.heldBytes,
    });
  }
  return estimates;
}

async function measureCell({ cell }: Job, config: TrainConfig): Promise<Measurement> {
  fact('measured', `${cell.backbone}, ${methodName(cell)}${cell.blocks > 1 ? `, K=${cell.blocks}` : ''}`);
  const engine = await startEngine(config);
  if (engine.name === 'cpu') fact('engine', engineText(engine));
  const { batch } = config.train;
  const plan = planMemory(() => trainerOf(config), { batch, kernels: 'native', threads: config.threads ?? availableParallelism() });
  const trainer = trainerOf(config);
  try {
    const weightBytes = sum(Object.values(trainer.networkVariables()).map(({ size }) => 4 * size));
    return { plan, weightBytes, secondsPerPicture: secondsPerPicture(trainer, batch) };
  } finally {
    trainer.dispose();
  }
}

/** Values of the pictures of a measured step: 32 of 32×32, or at least two larger ones. */
const STEP_PIXELS = 32 * 32 * 32;
/** Steps that took so long are not repeated. */
const LONG_SECONDS = 3;

function secondsPerPicture(trainer: Trainer, batch: number): number {
  const { inputShape, classes } = trainer.backbone;
  const [height, width] = inputShape as [number, number, number];
  const pictures = Math.max(2, Math.min(batch, Math.round(STEP_PIXELS / (height * width))));
  const images = tf.randomUniform([pictures, ...inputShape], 0, 1, 'float32', 1);
  const labels = tf.tensor1d(
    Array.from({ length: pictures }, (_, i) => i % classes),
    'int32',
  );
  const made: Batch = { images, labels, pixels: images.clone() };
  const step = () => {
    const start = performance.now();
    trainer.step(made, { learningRate: 0.01 });
    // Waits for the engine.
    trainer.readMetrics();
    return (performance.now() - start) / 1000;
  };
  try {
    // The first one makes the optimiser's state. Others may use the machine meanwhile, so the shortest of a few counts.
    step();
    const times = [step()];
    while (times.length < 3 && sum(times) < LONG_SECONDS) times.push(step());
    return Math.min(...times) / pictures;
  } finally {
    disposeBatch(made);
  }
}

function textOf(
  estimates: readonly CellEstimate[],
  total: { runs: number; seconds: number; processBytes: number; diskBytes: number },
  width: number,
): string {
  if (total.runs === 0) return 'All runs are there; nothing would be trained.';
  const right = 'right' as const;
  const together = Math.min(width, total.runs);
  const table = textTable(estimates, [
    { heading: 'budget', value: ({ budget }) => budget },
    { heading: 'cell', value: ({ id }) => id },
    { heading: 'runs', value: ({ runs }) => runs },
    { heading: 'time of each', value: ({ seconds }) => formatDuration(seconds), align: right },
    { heading: 'memory', value: ({ processBytes }) => formatBytes(processBytes), align: right },
    { heading: 'left of each', value: ({ weightBytes }) => formatBytes(weightBytes), align: right },
    { heading: 'checkpoints', value: ({ checkpointBytes }) => formatBytes(checkpointBytes), align: right },
  ]);
  return [
    table,
    '',
    `${total.runs} ${total.runs === 1 ? 'run' : 'runs'}: about ${formatDuration(total.seconds)} one after the other on this machine. ${together === 1 ? 'Takes' : `${together} at a time take`} up to ${formatBytes(total.processBytes)} of memory above the idle program (about 0.5 GB${together === 1 ? '' : ' each'}), ${formatBytes(total.diskBytes)} of disk.`,
    'Memory is planned; time is one measured step of each network and method, with few pictures, and a third of it for each picture that is tested.',
    ...loadText(),
  ].join('\n');
}

/** Times measured while others use the machine are too long. */
function loadText(): string[] {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  return load < cores + 1 ? [] : [`The machine had a load of ${load.toFixed(1)} on ${cores} cores meanwhile: alone on it, runs take less.`];
}
