import { basename, dirname } from 'node:path';
import { twoBudgets } from '../errors.ts';
import { FIGURES, figureCells } from '../figures/figure.ts';
import type { FoundRun } from '../find-runs.ts';
import type { RunResult } from '../result.ts';
import { budgetText, type Cell } from './cell.ts';
import { jobsOf } from './job.ts';
import { cellsOf, TRAINED_TABLES } from './layout.ts';
import type { Measured } from './measured.ts';
import { layoutOf } from './paper-tables.ts';

/** What was found of the cells of the paper. */
export interface FoundCells {
  readonly byCell: ReadonlyMap<string, Measured>;
  /** Runs that were made again, and whether losses and accuracies came out the same. */
  readonly repeated: readonly { readonly cell: Cell; readonly seed: number; readonly isSame: boolean }[];
}

/** Every cell that a table or figure has, by its id. */
function knownCells(): ReadonlyMap<string, Cell> {
  const cells = [...TRAINED_TABLES.flatMap((table) => cellsOf(layoutOf(table))), ...FIGURES.flatMap(figureCells)];
  return new Map(cells.map((cell) => [cell.id, cell]));
}

/**
 * Finished runs of `table` and `figure`, by their cells: the name of the folder above that of the run. Runs on generated pictures, which
 * mean nothing, are left out, as are those of no cell.
 *
 * @throws MAN_REPRODUCE_OPTION where a cell was trained with two budgets
 */
export function cellsAmong(found: readonly FoundRun[]): FoundCells {
  const known = knownCells();
  const results = new Map<string, Map<number, SeededResult>>();
  const repeated: { cell: Cell; seed: number; isSame: boolean }[] = [];
  for (const run of found) {
    const cell = known.get(basename(dirname(run.folder)));
    const result = finished(run);
    if (cell === undefined || result === null || result.dataset === 'shapes') continue;
    const seeds = results.get(cell.id) ?? new Map<number, SeededResult>();
    results.set(cell.id, seeds);
    const [other] = seeds.values();
    if (other !== undefined && budget(other) !== budget(result)) throw twoBudgets(cell.id, [budget(other), budget(result)]);
    const before = seeds.get(result.seed);
    if (before === undefined) seeds.set(result.seed, result);
    else repeated.push({ cell, seed: result.seed, isSame: numbers(before) === numbers(result) });
  }
  const measured = [...results].map(([id, runs]): [string, Measured] => {
    const jobs = jobsOf([known.get(id) as Cell], { out: '', profile: 'quick', seeds: 1, overrides: [] });
    return [id, { jobs, runs, begun: 0, problem: null }];
  });
  return { byCell: new Map(measured), repeated };
}

type SeededResult = RunResult & { readonly seed: number };

/** Null for a run that was stopped, or ended before its summary was written. */
function finished({ summary }: FoundRun): SeededResult | null {
  const isWhole = 'trainPictures' in summary && typeof summary.seed === 'number' && !summary.interrupted;
  return isWhole ? (summary as SeededResult) : null;
}

const budget = ({ trainPictures, plannedEpochs, dataset, batch }: RunResult) =>
  `${budgetText(trainPictures, plannedEpochs, dataset)} in batches of ${batch}`;

/** What does not depend on the machine. */
function numbers({ epochs, final, steps }: RunResult): string {
  return JSON.stringify([epochs.map(({ seconds, imagesPerSecond, peakTensorBytes, ...rest }) => rest), final, steps]);
}
