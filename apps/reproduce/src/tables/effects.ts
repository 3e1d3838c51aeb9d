import { methodName } from './cell.ts';
import { type Entry, isPlainOf, unique } from './layout.ts';
import { changeOf, lastError, type Measured, spreadIn } from './measured.ts';
import { signed } from './render.ts';

type ByCell = ReadonlyMap<string, Measured>;

/** What something that was added to a local loss changes, here and in the paper. */
export interface Effect {
  readonly entry: Entry;
  /** Percentage points of test error. */
  readonly change: number;
  /** Of that change, from the spread over the seeds of both; null where one of them has one seed. */
  readonly standardError: number | null;
  /** Seeds of each side with which a change as large as the paper's would be twice its standard error. */
  readonly seedsNeeded: number | null;
}

/** The effects that were measured, each once. */
export function effectsOf(entries: readonly Entry[], byCell: ByCell): readonly Effect[] {
  return unique(entries, ({ cell }) => cell.id).flatMap((entry): readonly Effect[] => {
    const change = changeOf(entry, byCell);
    if (change === null) return [];
    const plain = [...byCell.values()].find(({ jobs: [job] }) => job !== undefined && isPlainOf(job.cell, entry.cell));
    const spreads = [byCell.get(entry.cell.id), plain].map((measured) => spreadIn(measured, lastError));
    const variances = spreads.flatMap((spread) => (spread?.deviation == null ? [] : [{ ...spread, variance: spread.deviation ** 2 }]));
    if (variances.length < 2) return [{ entry, change, standardError: null, seedsNeeded: null }];
    const standardError = Math.sqrt(variances.reduce((sum, { variance, count }) => sum + variance / count, 0));
    const of = variances.reduce((sum, { variance }) => sum + variance, 0);
    const seedsNeeded = entry.paperChange === null ? null : Math.max(2, Math.ceil((4 * of) / entry.paperChange ** 2));
    return [{ entry, change, standardError, seedsNeeded }];
  });
}

/** An effect in a sentence or two. */
export function effectText({ entry, change, standardError, seedsNeeded }: Effect): string {
  const { cell, paperChange } = entry;
  const paper = paperChange === null ? 'the paper has none' : `paper ${signed(paperChange)}`;
  const said = `${methodName(cell)}, ${cell.dataset}, ${cell.backbone}, K=${cell.blocks}: ${signed(change)} (${paper})`;
  if (standardError === null) return `${said}; one seed, which says nothing of chance.`;
  return `${said}, standard error ${standardError.toFixed(2)}. ${verdict(change, standardError, paperChange, seedsNeeded)}`;
}

function verdict(change: number, standardError: number, paperChange: number | null, seedsNeeded: number | null): string {
  if (Math.abs(change) > 2 * standardError) {
    if (paperChange === null) return 'It shows.';
    return change * paperChange > 0 ? 'It shows, and goes the paper’s way.' : 'It shows, and goes against the paper’s.';
  }
  if (paperChange === null || seedsNeeded === null) return 'Chance between seeds can make as much.';
  if (Math.abs(paperChange) > 2 * standardError)
    return 'It does not show: one as large as the paper’s would, so it is smaller with this budget.';
  return `It does not show: chance between seeds can make as much. One as large as the paper’s would take ${seedsNeeded} seeds.`;
}
