import { availableParallelism } from 'node:os';
import { fewestBlocks, largestBatch, type MemoryPlan, planMemory } from '@man/analysis';
import { createTrainer, type Trainer } from '@man/core';
import { formatBytes, textTable } from '@man/track';
import { loadTrainConfig } from './configuration.ts';
import { badClasses, badKernels, badSize } from './errors.ts';
import { assemble, type PictureKind } from './factories.ts';
import { knownSet } from './known-sets.ts';
import { labelOf, networkOf } from './names.ts';
import { blocksOf } from './rules.ts';
import type { TrainConfig } from './schema/index.ts';

/** Options of `man-reproduce plan`. */
export interface PlanCommandOptions {
  readonly json: boolean;
  /** Room there is, as typed: `16GB`. */
  readonly memory: string | null;
  /** Whose kernels compute. */
  readonly kernels: string;
  /** Classes of the data set, as typed, where there are others than published. */
  readonly classes: string | null;
}

/** What a plan says, and what fits where that was asked. Bytes. */
interface Answer {
  readonly network: string;
  readonly method: string;
  readonly plan: MemoryPlan;
  readonly fit: {
    readonly bytes: number;
    readonly largestBatch: number | null;
    /** Null where none of the published partitions fits. */
    readonly fewestBlocks: number | null;
  } | null;
}

/** The trainer of a configuration, without data. */
export function trainerOf(config: TrainConfig, pictures: PictureKind = knownSet(config.dataset)): Trainer {
  const { loss, plugin, ...parts } = assemble(config, pictures);
  return createTrainer({ ...parts, ...(loss === null ? {} : { loss }), plugins: plugin, seed: config.seed });
}

/**
 * `man-reproduce plan`: memory of a training step, block by block, without running it; with `memory` also what fits in there.
 *
 * @returns the exit code
 */
export function planCommand(overrides: readonly string[], { json, memory, kernels, classes }: PlanCommandOptions): number {
  if (kernels !== 'native' && kernels !== 'tensorflow') throw badKernels(kernels);
  const { config } = loadTrainConfig(overrides);
  const options = { kernels, threads: config.threads ?? availableParallelism() } as const;
  const { batch } = config.train;
  const set = knownSet(config.dataset);
  const pictures = { ...set, classes: classes === null ? set.classes : classesOf(classes) };
  const create = () => trainerOf(config, pictures);
  const plan = planMemory(create, { ...options, batch });
  const bytes = memory === null ? null : bytesOf(memory);
  const cut = (blocks: number) => trainerOf(loadTrainConfig([...overrides, ...cutInto(blocks)]).config, pictures);
  const answer: Answer = {
    network: networkOf(config),
    method: labelOf(config),
    plan,
    fit:
      bytes === null
        ? null
        : {
            bytes,
            largestBatch: largestBatch(create, { ...options, bytes })?.batch ?? null,
            fewestBlocks: fewestBlocks(cut, partitionsOf(config), { ...options, batch, bytes })?.blocks ?? null,
          },
  };
  process.stdout.write(`${json ? JSON.stringify(answer) : text(answer, config)}\n`);
  return 0;
}

const cutInto = (blocks: number) => [
  'partition.cuts=null',
  'partition.balanced=null',
  `partition.blocks=${blocks}`,
  ...(blocks === 1 ? ['loss=e2e', 'plugin=none'] : []),
];

/** Numbers of blocks that were published for this network and that its method can use; end to end is one of them. */
function partitionsOf(config: TrainConfig): number[] {
  const { backbone, loss } = assemble(config, knownSet(config.dataset));
  return loss === null ? [1] : [1, ...Object.keys(backbone.partitions).map(Number)];
}

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `16GB` in bytes. @throws MAN_REPRODUCE_OPTION */
export function bytesOf(size: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kKMG]i?B)$/.exec(size) ?? [];
  const factor = UNITS[unit ?? ''];
  if (number === undefined || factor === undefined || Number(number) === 0) throw badSize(size);
  return Number(number) * factor;
}

function classesOf(typed: string): number {
  const classes = Number(typed);
  if (!Number.isInteger(classes) || classes < 2) throw badClasses(typed);
  return classes;
}

function text({ network, method, plan, fit }: Answer, config: TrainConfig): string {
  const right = 'right' as const;
  const peak = Math.max(...plan.blocks.map(({ peakTensorBytes }) => peakTensorBytes));
  const table = textTable(
    [...plan.blocks.entries()],
    [
      { heading: 'block', value: ([i]) => i + 1, align: right },
      { heading: 'units', value: ([, { units }]) => (units.length === 1 ? units[0] : `${units[0]} … ${units.at(-1)}`) },
      { heading: 'peak tensors', value: ([, block]) => formatBytes(block.peakTensorBytes), align: right },
      { heading: '', value: ([, block]) => (block.peakTensorBytes === peak ? 'most' : '') },
    ],
  );
  const lines = [
    `${network}, ${method}, batch ${plan.batch}`,
    '',
    table,
    '',
    `peak tensors     ${formatBytes(plan.peakTensorBytes)}, of which ${formatBytes(plan.heldBytes)} stay between steps`,
    `process          ${formatBytes(plan.processBytes)}: tensors, gaps between them, ${formatBytes(plan.workspaceBytes)} that kernels work in`,
    '                 not covered: the idle program (about 0.5 GB), pictures, batches prepared ahead, what TensorFlow’s own kernels work in',
  ];
  if (fit === null) return lines.join('\n');
  const room = formatBytes(fit.bytes);
  const blocks = blocksOf(config);
  const batch =
    fit.largestBatch === null ? `not even a batch of 2 fits in ${room}` : `batch ${fit.largestBatch} is the largest that fits in ${room}`;
  const fewest =
    fit.fewestBlocks === null
      ? `batch ${plan.batch} fits in ${room} with none of the published partitions`
      : `batch ${plan.batch} fits in ${room} with ${fit.fewestBlocks === 1 ? 'one block, end to end' : `${fit.fewestBlocks} blocks`} or more`;
  return [...lines, '', `with ${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${batch}`, fewest].join('\n');
}
