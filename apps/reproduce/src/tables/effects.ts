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
  /** Changes up to this come from chance between seeds, 95 times in 100; null where one side has one seed. */
  readonly chance: number | null;
  /** Seeds of each side with which a change as large as the paper's would be more than chance. */
  readonly seedsNeeded: number | null;
}

/** The effects that were measured, each once. */
export function effectsOf(entries: readonly Entry[], byCell: ByCell): readonly Effect[] {
  return unique(entries, ({ cell }) => cell.id).flatMap((entry): readonly Effect[] => {
    const change = changeOf(entry, byCell);
    if (change === null) return [];
    const plain = [...byCell.values()].find(({ jobs: [job] }) => job !== undefined && isPlainOf(job.cell, entry.cell));
    const spreads = [byCell.get(entry.cell.id), plain].map((measured) => spreadIn(measured, lastError));
    const groups = spreads.flatMap((spread) =>
      spread?.deviation == null ? [] : [{ count: spread.count, variance: spread.deviation ** 2 }],
    );
    if (groups.length < 2) return [{ entry, change, chance: null, seedsNeeded: null }];
    const { paperChange } = entry;
    return [{ entry, change, chance: chanceOf(groups), seedsNeeded: paperChange === null ? null : seedsFor(paperChange, groups) }];
  });
}

interface Group {
  readonly count: number;
  readonly variance: number;
}

/** Half the 95 % interval of a difference of two means, by Student's t with as many degrees of freedom as both sides have. */
function chanceOf(groups: readonly Group[]): number {
  const freedom = groups.reduce((sum, { count }) => sum + count - 1, 0);
  return quantile(freedom) * Math.sqrt(groups.reduce((sum, { variance, count }) => sum + variance / count, 0));
}

/** Of Student's t, 97.5 %, for 1, 2, … degrees of freedom; behind the last one within 0.003. */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
const quantile = (freedom: number) => QUANTILES[freedom - 1] ?? 1.96 + 2.37 / freedom + 2.8 / freedom ** 2;

function seedsFor(change: number, groups: readonly Group[]): number {
  let count = 2;
  while (chanceOf(groups.map(({ variance }) => ({ variance, count }))) >= Math.abs(change)) count++;
  return count;
}

/** An effect in a sentence or two. */
export function effectText({ entry, change, chance, seedsNeeded }: Effect): string {
  const { cell, paperChange } = entry;
  const paper = paperChange === null ? 'the paper has none' : `paper ${signed(paperChange)}`;
  const said = `${methodName(cell)}, ${cell.dataset}, ${cell.backbone}, K=${cell.blocks}: ${signed(change)} (${paper})`;
  if (chance === null) return `${said}; one seed, which says nothing of chance.`;
  return `${said}, chance between seeds ±${chance.toFixed(2)}. ${verdict(change, chance, paperChange, seedsNeeded)}`;
}

function verdict(change: number, chance: number, paperChange: number | null, seedsNeeded: number | null): string {
  if (Math.abs(change) > chance) {
    if (paperChange === null) return 'It shows.';
    return change * paperChange > 0 ? 'It shows, and goes the paper’s way.' : 'It shows, and goes against the paper’s.';
  }
  if (paperChange === null || seedsNeeded === null) return 'It does not show.';
  if (Math.abs(paperChange) > chance) return 'It does not show: one as large as the paper’s would, so it is smaller with this budget.';
  return `It does not show, nor would one as large as the paper’s with less than ${seedsNeeded} seeds.`;
}
