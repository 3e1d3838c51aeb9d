import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { planMemory } from '@man/analysis';
import { loadTrainConfig } from '../configuration.ts';
import { PAPER } from '../paper.ts';
import { trainerOf } from '../plan-command.ts';
import { shown } from '../run-folder.ts';
import { fact } from '../terminal.ts';
import { type Cell, cellOfNumber, methodName, overridesOf } from './cell.ts';
import { numbersOf, unique } from './layout.ts';
import { pagesText, writePages } from './pages.ts';
import type { TextTable } from './render.ts';
import { chosenCells } from './rows.ts';

/** Whose kernels a plan is made for. */
const KERNELS = ['tensorflow', 'native'] as const;

/** Memory of one cell, foreseen and printed. */
export interface CellMemory {
  readonly cell: Cell;
  readonly batch: number;
  /** Most bytes of tensors alive at once in a step, with the kernels of TensorFlow, which a GPU has, and with ours for a CPU. */
  readonly peakTensorBytes: Readonly<Record<(typeof KERNELS)[number], number>>;
  /** As the paper prints it. */
  readonly paperGigabytes: number;
}

/** Options of the command that concern Table 3. */
interface MemoryTableOptions {
  readonly rows: string | null;
  readonly out: string;
  readonly json: boolean;
}

/** `man-reproduce table 3`: memory of a step with the paper's batch sizes, from the plan; nothing is trained. */
export async function memoryTable(overrides: readonly string[], { rows, out, json }: MemoryTableOptions): Promise<number> {
  const started = performance.now();
  const cells = chosenCells(CELLS(), rows);
  const memory = cells.map((cell) => {
    fact('plan', `${cell.backbone}, ${methodName(cell)}${cell.blocks > 1 ? `, K=${cell.blocks}` : ''}`);
    return memoryOf(cell, overrides);
  });
  const folder = resolve(out, 'table-3');
  const pages = {
    folder,
    title: 'Table 3: memory of training on ImageNet with and without MAN',
    about: ['From the memory plan, for the paper’s batches; nothing was trained.'],
    tables: [memoryRows(memory), ratioRows(memory)],
    notes: NOTES,
    engine: 'none: an engine that knows shapes only',
    data: { table: 'Table 3', overrides, folder: shown(folder), source: PAPER.source, cells: memory },
  };
  await writePages(pages);
  process.stdout.write(`${json ? JSON.stringify(pages.data) : pagesText(pages, (performance.now() - started) / 1000)}\n`);
  return 0;
}

const NUMBERS = () => numbersOf('3').filter(({ metric }) => metric === 'gpu_memory_gb');
const CELLS = () => unique(NUMBERS().map(cellOfNumber), ({ id }) => id);

function memoryOf(cell: Cell, overrides: readonly string[]): CellMemory {
  const { config } = loadTrainConfig(overridesOf(cell, 'paper', overrides));
  const { batch } = config.train;
  const peak = (kernels: (typeof KERNELS)[number]) =>
    planMemory(() => trainerOf(config), { batch, kernels, threads: config.threads ?? availableParallelism() }).peakTensorBytes;
  const printed = NUMBERS().find((number) => cellOfNumber(number).id === cell.id);
  return {
    cell,
    batch,
    peakTensorBytes: { tensorflow: peak('tensorflow'), native: peak('native') },
    paperGigabytes: printed?.value ?? Number.NaN,
  };
}

type Read = (memory: CellMemory) => number;
const READS: readonly Read[] = [
  ({ peakTensorBytes }) => peakTensorBytes.tensorflow / 1e9,
  ({ peakTensorBytes }) => peakTensorBytes.native / 1e9,
  ({ paperGigabytes }) => paperGigabytes,
];

/** The rows of the paper: gigabytes, and what is saved against end-to-end training. */
export function memoryRows(memory: readonly CellMemory[]): TextTable {
  return {
    title: 'Gigabytes',
    columns: ['network', 'batch', 'method', 'TensorFlow’s kernels GB', 'saved', 'our kernels GB', 'saved', 'paper GB', 'saved'],
    rows: memory.map((row) => {
      const whole = memory.find(({ cell }) => cell.backbone === row.cell.backbone && cell.method === 'E2E');
      return [
        row.cell.backbone,
        String(row.batch),
        nameOf(row.cell),
        ...READS.flatMap((read) => [
          read(row).toFixed(2),
          whole === undefined || whole === row ? null : `${(100 * (1 - read(row) / read(whole))).toFixed(1)} %`,
        ]),
      ];
    }),
    caption: 'Ours: most bytes of tensors alive at once in a step, 1 GB = 10⁹ bytes. Saved: against end-to-end training.',
  };
}

const nameOf = (cell: Cell) => `${methodName(cell)}${cell.blocks > 1 ? `, K=${cell.blocks}` : ''}`;

/** End to end : K=2 : K=4 for each network, without MAN and with it, and what MAN adds to the local loss. */
export function ratioRows(memory: readonly CellMemory[]): TextTable {
  const networks = unique(
    memory.map(({ cell }) => cell.backbone),
    (backbone) => backbone,
  );
  const rows = networks.flatMap((backbone) =>
    (['plain', 'man'] as const).map((variant) => {
      const of = (blocks: number, which: Cell['variant'] = variant) =>
        memory.find(({ cell }) => cell.backbone === backbone && cell.blocks === blocks && (blocks === 1 || cell.variant === which));
      const ratio = (read: Read) => [1, 2, 4].map((blocks) => quotient(of(blocks), of(1), read)?.toFixed(2) ?? '–').join(' : ');
      const added = (read: Read) =>
        variant === 'plain' ? null : [2, 4].map((K) => percent(quotient(of(K), of(K, 'plain'), read))).join(', ');
      return [backbone, variant === 'plain' ? 'without MAN' : 'with MAN', ...READS.map(ratio), ...READS.map(added)];
    }),
  );
  return {
    title: 'End to end : K=2 : K=4',
    columns: [
      'network',
      '',
      'TensorFlow’s kernels',
      'our kernels',
      'paper',
      'MAN adds, K=2 and 4 (TensorFlow’s kernels)',
      '(our kernels)',
      '(paper)',
    ],
    rows,
    caption: 'What MAN adds is relative to InfoPro with as many blocks.',
  };
}

function quotient(row: CellMemory | undefined, by: CellMemory | undefined, read: Read): number | null {
  return row === undefined || by === undefined ? null : read(row) / read(by);
}

const percent = (value: number | null) => (value === null ? '–' : `${value < 1 ? '−' : '+'}${Math.abs(100 * (value - 1)).toFixed(1)} %`);

const NOTES = [
  'The paper prints gigabytes of a GPU and does not say which one, nor by what it measured; compare the order of methods and their ratios, not the gigabytes.',
  'D18: the paper’s end-to-end and InfoPro, K=2, rows are those of the InfoPro paper (8 GPUs, batch 1024 or 512), digit for digit.',
  'D19: the paper’s “about 1 %” is the loss in saving relative to end-to-end training; relative to InfoPro its table gives 1.6 to 3.2 %. With K=2 the last block takes most, and MAN adds nothing to that one.',
];
