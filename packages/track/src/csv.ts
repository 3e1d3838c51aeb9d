import { closeSync, ftruncateSync, readFileSync } from 'node:fs';
import type { EpochReport, ProgressReport, Run, StepMetrics, TrainerPlugin } from '@man/core';
import { closeQuietly, openForAppending, syncQuietly, writeFully } from './append-file.ts';
import { badOption, csvForeign, writeFailed } from './errors.ts';

/** Options of {@link csv}. */
export interface CsvOptions {
  /** Made with its folder where missing; a run that is resumed goes on in it. */
  readonly file: string;
  /** A row per epoch (default) or per step. */
  readonly rows?: 'epoch' | 'step';
}

type Cell = number | null;

/**
 * Keeps a run as a table of comma-separated values for spreadsheets, R and pandas.
 *
 * Rows of epochs: `epoch, learning_rate, loss_1 … loss_K, accuracy_1 … accuracy_K, test_accuracy, test_loss, seconds, images_per_second,
 * waiting, peak_tensor_bytes`; of steps: `step, epoch, learning_rate, examples, loss_1 …, accuracy_1 …`. What was not measured is empty; what
 * is not finite is `nan`, `inf` or `-inf`. Rows that a resumed run does again are taken out first.
 *
 * @throws MAN_TRACK_BAD_OPTION; from `setup` MAN_TRACK_CSV_FOREIGN where the file has other columns; MAN_TRACK_WRITE_FAILED
 * @example
 * ```ts
 * const plugins = [csv({ file: 'runs/a/epochs.csv' }), csv({ file: 'runs/a/steps.csv', rows: 'step' })];
 * ```
 */
export function csv({ file, rows = 'epoch' }: CsvOptions): TrainerPlugin {
  if (typeof file !== 'string' || file === '') throw badOption('csv({ file })', 'the name of a file', file);
  if (rows !== 'epoch' && rows !== 'step') throw badOption('csv({ rows })', "'epoch' or 'step'", rows);
  let descriptor: number | undefined;
  const add = (table: readonly (readonly Cell[])[], sync: boolean) => {
    if (descriptor === undefined || table.length === 0) return;
    try {
      writeFully(descriptor, table.map(line).join(''));
      if (sync) syncQuietly(descriptor);
    } catch (cause) {
      throw writeFailed(file, cause);
    }
  };
  return {
    name: `csv-${rows}s`,
    setup(run: Run) {
      const columns = rows === 'epoch' ? epochColumns(run.blocks.length) : stepColumns(run.blocks.length);
      descriptor = openTable(file, `${columns.join(',')}\n`, rows === 'epoch' ? run.epoch : run.steps);
    },
    ...(rows === 'step' ? { onProgress: ({ steps }: ProgressReport) => add(steps.map(stepRow), false) } : {}),
    onEpochEnd(report: EpochReport) {
      if (rows === 'epoch') add([epochRow(report)], true);
      else if (descriptor !== undefined) syncQuietly(descriptor);
    },
    dispose() {
      closeQuietly(descriptor);
      descriptor = undefined;
    },
  };
}

const numbered = (name: string, blocks: number) => Array.from({ length: blocks }, (_, i) => `${name}_${i + 1}`);

function epochColumns(blocks: number): string[] {
  const tail = ['test_accuracy', 'test_loss', 'seconds', 'images_per_second', 'waiting', 'peak_tensor_bytes'];
  return ['epoch', 'learning_rate', ...numbered('loss', blocks), ...numbered('accuracy', blocks), ...tail];
}

function epochRow(report: EpochReport): Cell[] {
  const { epoch, learningRate, blocks, evaluation, seconds, imagesPerSecond, waiting, peakTensorBytes } = report;
  const measured = [evaluation?.accuracy ?? null, evaluation?.loss ?? null, seconds, imagesPerSecond, waiting, peakTensorBytes];
  return [epoch, learningRate, ...blocks.map(({ loss }) => loss), ...blocks.map(({ accuracy }) => accuracy), ...measured];
}

function stepColumns(blocks: number): string[] {
  return ['step', 'epoch', 'learning_rate', 'examples', ...numbered('loss', blocks), ...numbered('accuracy', blocks)];
}

function stepRow({ step, epoch, learningRate, examples, blocks }: StepMetrics): Cell[] {
  return [step, epoch, learningRate, examples, ...blocks.map(({ loss }) => loss), ...blocks.map(({ accuracy }) => accuracy)];
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(text).join(',')}\n`;
}

/** As pandas, R and Python's `float` read it. */
function text(cell: Cell): string {
  if (cell === null) return '';
  if (Number.isNaN(cell)) return 'nan';
  return Number.isFinite(cell) ? String(cell) : cell > 0 ? 'inf' : '-inf';
}

/** The file, with its heading and the rows up to `done` in it, ready for more. */
function openTable(file: string, heading: string, done: number): number {
  let descriptor: number | undefined;
  try {
    descriptor = openForAppending(file);
    const present = readFileSync(file, 'utf8');
    if (present === '') writeFully(descriptor, heading);
    else if (present.startsWith(heading)) ftruncateSync(descriptor, Buffer.byteLength(kept(present, heading, done)));
    else throw csvForeign(file, heading, present);
    return descriptor;
  } catch (cause) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw cause instanceof Error && 'code' in cause && cause.code === 'MAN_TRACK_CSV_FOREIGN' ? cause : writeFailed(file, cause);
  }
}

/** Heading and whole rows whose number is at most `done`: a killed run may leave half a row, a resumed one does some again. */
function kept(present: string, heading: string, done: number): string {
  const rows = present.slice(heading.length).split('\n').slice(0, -1);
  const beyond = rows.findIndex((row) => !(Number.parseInt(row, 10) <= done));
  return heading + rows.slice(0, beyond < 0 ? rows.length : beyond).join('\n') + (beyond === 0 || rows.length === 0 ? '' : '\n');
}
