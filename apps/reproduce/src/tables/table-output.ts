import { PAPER } from '../paper.ts';
import { shown } from '../run-folder.ts';
import type { Profile } from './cell.ts';
import type { Entry, Part, TableLayout } from './layout.ts';
import { bestError, changeOf, type Measured, readingOf, spreadIn } from './measured.ts';
import type { Pages } from './pages.ts';
import { cellTable, layoutTable, type TextTable } from './render.ts';
import type { Study } from './study.ts';

/** A table that is to be made. */
export interface Table extends Study {
  readonly layout: TableLayout;
}

const entriesOf = ({ parts }: TableLayout): readonly Entry[] =>
  parts.flatMap(({ rows }) => rows.flatMap(({ entries }) => entries.filter((entry) => entry !== null)));

/** Each cell once, with the first number that the paper has for it. */
function cellEntries(layout: TableLayout): readonly Entry[] {
  return [
    ...new Map(
      entriesOf(layout)
        .map((entry) => [entry.cell.id, entry] as const)
        .reverse(),
    ).values(),
  ].reverse();
}

/** What is written of a table: all its rows. */
export function pagesOf(table: Table, byCell: ReadonlyMap<string, Measured>): Pages {
  const { layout, folder } = table;
  const [first] = [...byCell.values()].flatMap(({ runs }) => [...runs.values()]);
  return {
    folder,
    title: `${layout.name}: ${layout.title}`,
    about: [aboutText(table)],
    tables: [...layout.parts.map((part) => layoutTable(part, byCell)), cellTable(cellEntries(layout), byCell)],
    notes: layout.notes,
    engine: first?.engine ?? 'none started',
    data: numbersOf(table, byCell),
  };
}

const ABOUT: Readonly<Record<Profile, string>> = {
  paper: 'Profile paper: the recipe of the paper’s section 4.2 to the letter.',
  quick:
    'Profile quick: the methods of the paper with few pictures and epochs. Errors are far higher than the paper’s, and the order of methods can differ.',
  smoke: 'Profile smoke: shows that every row can be trained. The numbers mean nothing.',
};

/** What the numbers of a study are worth. */
export function aboutText({ profile, overrides }: Pick<Study, 'profile' | 'overrides'>): string {
  return overrides.length === 0 ? ABOUT[profile] : `${ABOUT[profile]} Changed for all rows: ${overrides.join(' ')}.`;
}

/** What is printed: the chosen rows and columns, and cells with a result. */
export function chosenTables({ layout, chosen }: Table, byCell: ReadonlyMap<string, Measured>): readonly TextTable[] {
  const parts = layout.parts.map((part) => restrict(part, chosen)).filter(({ rows }) => rows.length > 0);
  const measured = cellEntries(layout).filter(({ cell }) => chosen.has(cell.id) && (byCell.get(cell.id)?.runs.size ?? 0) > 0);
  const cells = measured.length === 0 ? [] : [{ ...cellTable(measured, byCell), title: '' }];
  return [...parts.map((part) => layoutTable(part, byCell)), ...cells];
}

/** Rows and columns in which a chosen cell stands. */
function restrict(part: Part, chosen: ReadonlySet<string>): Part {
  const isChosen = (entry: Entry | null | undefined) => entry != null && chosen.has(entry.cell.id);
  const columns = part.columns.map((_, i) => i).filter((i) => part.rows.some(({ entries }) => isChosen(entries[i])));
  const rows = part.rows.filter(({ entries }) => entries.some(isChosen));
  return {
    ...part,
    columns: columns.map((i) => part.columns[i] as string),
    rows: rows.map((row) => ({ ...row, entries: columns.map((i) => row.entries[i] ?? null) })),
  };
}

/** A table as data: a row per cell, null for what was not measured. */
export function numbersOf(table: Table, byCell: ReadonlyMap<string, Measured>) {
  const { layout, profile, folder, overrides } = table;
  const cells = entriesOf(layout).map((entry) => {
    const { cell, metric, paper, paperChange } = entry;
    const measured = byCell.get(cell.id) as Measured;
    return {
      ...cell,
      metric,
      paper,
      paperChange,
      last: spreadIn(measured, readingOf(entry)),
      best: metric === 'top5_error_percent' ? null : spreadIn(measured, bestError),
      change: changeOf(entry, byCell),
      problem: measured.problem,
      runs: [...measured.runs].map(([seed, run]) => ({
        seed,
        folder: shown(run.folder),
        seconds: run.seconds,
        peakTensorBytes: run.peakTensorBytes,
        peakResidentBytes: run.peakResidentBytes,
        trainPictures: run.trainPictures,
        epochs: run.plannedEpochs,
        batch: run.batch,
      })),
    };
  });
  return { table: layout.name, profile, overrides, folder: shown(folder), source: PAPER.source, cells };
}
