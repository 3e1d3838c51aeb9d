import { relative, resolve } from 'node:path';
import { formatBytes, formatCount, formatDuration } from '@man/track';
import { loadTrainConfig } from '../configuration.ts';
import { noCells } from '../errors.ts';
import { figureFinding, figuresIn, figureText } from '../figures/drawn.ts';
import type { FoundRun } from '../find-runs.ts';
import { knownSet } from '../known-sets.ts';
import { PAPER } from '../paper.ts';
import type { RunResult } from '../result.ts';
import { epochSize } from '../rules.ts';
import { type Cell, methodName, overridesOf, PROFILES, type Profile } from './cell.ts';
import { effectsOf, effectText } from './effects.ts';
import { cellsAmong, type FoundCells } from './found-cells.ts';
import { type Entry, type TableLayout, TRAINED_TABLES, unique } from './layout.ts';
import { bestError, budgetOf, changeOf, lastError, type Measured, spreadIn } from './measured.ts';
import { homeOf, layoutOf } from './paper-tables.ts';
import { asText, meanText, signed, spreadText, type TextTable } from './render.ts';

/** What is made of runs that `table` and `figure` left. */
export interface ResultsPage {
  readonly tables: readonly TextTable[];
  /** What the numbers say, a sentence or two each. */
  readonly findings: readonly string[];
  readonly markdown: string;
}

/**
 * A page about the cells of the paper that were trained, beside its numbers: tables, what shows and what does not, figures, and the commands.
 *
 * @param folders in which figures are looked for
 * @param beside folder that links are relative to
 * @throws MAN_REPRODUCE_NO_RUNS, MAN_REPRODUCE_OPTION
 */
export function resultsPage(
  found: readonly FoundRun[],
  { folders, title, beside }: { readonly folders: readonly string[]; readonly title: string; readonly beside: string },
): ResultsPage {
  const cells = cellsAmong(found);
  if (cells.byCell.size === 0) throw noCells(folders);
  const tables = tablesOf(cells);
  const effects = effectsOf(
    TRAINED_TABLES.flatMap((table) => entriesOf(layoutOf(table))),
    cells.byCell,
  );
  const figures = folders.flatMap((folder) => figuresIn(resolve(folder)));
  const findings = [...effects.map(effectText), ...aheadTexts(cells), ...figures.flatMap(figureFinding), ...budgetTexts(cells)];
  const links = folders.map((folder) => relative(beside, resolve(folder)) || '.').map((folder) => `[${folder}](${folder})`);
  const markdown = [
    `# ${title}`,
    aboutText(cells),
    ...tables.flatMap((table) => [`## ${table.title}`, asText(table, 'markdown')]),
    CAPTION,
    '## What shows, and what does not',
    'Chance between seeds is half the 95 % interval of a difference of two means, by Student’s t.',
    list(findings),
    ...(figures.length === 0 ? [] : ['## Figures', ...figures.map((figure) => figureText(figure, beside))]),
    '## Do it again',
    `\`\`\`sh\n${commandsOf(cells).join('\n')}\n\`\`\``,
    'These train what is not there yet; `--resume` goes on with what was stopped.',
    ...repeatedText(cells),
    `This page is what \`man-reproduce report --paper\` makes of the runs in ${links.join(', ')}.`,
  ];
  return { tables, findings, markdown: `${markdown.join('\n\n')}\n` };
}

const list = (lines: readonly string[]) => lines.map((line) => `- ${line}`).join('\n');

function aboutText({ byCell }: FoundCells): string {
  const results = resultsIn(byCell);
  const all = (read: (result: RunResult) => string | null) => [...new Set(results.map(read))].filter((text) => text !== null).join('; ');
  return [
    `${results.length === 1 ? '1 run' : `${formatCount(results.length)} runs`}, beside the numbers of the paper (${PAPER.source.split(';')[0]}). Where they see fewer pictures than there, errors are far above the`,
    `paper's, and the question is only which way they move. Engine: ${all(({ engine }) => engine)}.`,
    all(machineOf),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** `AMD EPYC, 2 cores; Node.js v22.1.0; man-reproduce 0.1.0`. */
function machineOf({ environment: { processor, memory, ...more } = {} }: RunResult): string | null {
  if (processor === undefined) return null;
  const versions = ['Node.js', 'man-reproduce'].flatMap((name) => (more[name] === undefined ? [] : [`${name} ${more[name]}`]));
  return `${[`${processor}, ${memory} of memory`, ...versions].join(', ')}.`;
}

const resultsIn = (byCell: FoundCells['byCell']): readonly RunResult[] => [...byCell.values()].flatMap(({ runs }) => [...runs.values()]);

const CAPTION =
  'Test error in percent, mean ± standard deviation over seeds; “change” is what is added to the local loss changes, here and in the paper. Time is that of training, with whatever else the machine did; memory the most bytes of tensors alive at once.';

const entriesOf = ({ parts }: TableLayout): readonly Entry[] =>
  parts.flatMap(({ rows }) => rows.flatMap(({ entries }) => entries.filter((entry) => entry !== null)));

/** Parts of tables with something in them, and what no table has. */
function tablesOf({ byCell }: FoundCells): readonly TextTable[] {
  const shownCells = new Set<string>();
  const tables = TRAINED_TABLES.flatMap((table) => {
    const layout = layoutOf(table);
    return layout.parts.flatMap((part) => {
      const entries = byNetwork(
        unique(entriesOf({ ...layout, parts: [part] }), ({ cell }) => cell.id).filter(({ cell }) => byCell.has(cell.id)),
      );
      for (const { cell } of entries) shownCells.add(cell.id);
      // A part of which only rows of another table are there has nothing of its own.
      const isOwn = entries.some(({ cell }) => homeOf(cell) === `table-${table}`);
      return isOwn ? [tableOf(`${layout.name}${part.title.slice(0, 3).trim()}`, entries, byCell)] : [];
    });
  });
  const rest = [...byCell.values()].flatMap(({ jobs: [job] }) => (job === undefined || shownCells.has(job.cell.id) ? [] : [job.cell]));
  return rest.length === 0 ? tables : [...tables, tableOf('Not in the paper’s tables', rest.map(unprinted), byCell)];
}

/** The rows of one network and number of blocks together, otherwise in the paper's order. */
function byNetwork(entries: readonly Entry[]): readonly Entry[] {
  const datasets = unique(entries, ({ cell }) => cell.dataset).map(({ cell }) => cell.dataset);
  const rank = ({ cell: { dataset, backbone, blocks } }: Entry) => [datasets.indexOf(dataset), backbone, blocks].join(' ');
  return [...entries].sort((a, b) => rank(a).localeCompare(rank(b), 'en', { numeric: true }));
}

/** A cell that the paper has no number for. */
const unprinted = (cell: Cell) => ({ cell, metric: 'test_error_percent' as const, paper: null, paperChange: null });

type Row = Omit<Entry, 'paper'> & { readonly paper: number | null };

function tableOf(title: string, rows: readonly Row[], byCell: FoundCells['byCell']): TextTable {
  const maybe = (value: number | null) => (value === null ? null : signed(value));
  return {
    title,
    columns: ['budget', 'network', 'K', 'method', 'seeds', 'last epoch', 'best epoch', 'change', 'paper', 'change there', 'time', 'memory'],
    rows: rows.map((row) => {
      const { cell, paper, paperChange } = row;
      const measured = byCell.get(cell.id) as Measured;
      const errors = [spreadIn(measured, lastError), spreadIn(measured, bestError)];
      return [
        budgetOf(measured),
        `${cell.dataset}, ${cell.backbone}`,
        String(cell.blocks),
        methodName(cell),
        String(measured.runs.size),
        ...errors.map((spread) => (spread === null ? null : spreadText(spread))),
        maybe(changeOf(row, byCell)),
        paper?.toFixed(2) ?? null,
        maybe(paperChange),
        meanText(measured, ({ seconds }) => seconds, formatDuration),
        meanText(measured, ({ peakTensorBytes }) => peakTensorBytes, formatBytes),
      ];
    }),
    caption: '',
  };
}

/** How far end-to-end training is ahead of local losses alone. */
function aheadTexts({ byCell }: FoundCells): readonly string[] {
  const entries = entriesOf(layoutOf('1')).filter(({ cell }) => cell.variant === 'plain' && byCell.has(cell.id));
  const whole = unique(
    entries.filter(({ cell }) => cell.method === 'E2E'),
    ({ cell }) => cell.id,
  );
  return whole.flatMap((best) => {
    const { dataset, backbone } = best.cell;
    const local = entries.filter(({ cell }) => cell.method !== 'E2E' && cell.dataset === dataset && cell.backbone === backbone);
    const gaps = (read: (entry: Entry) => number) => local.map((entry) => read(entry) - read(best));
    const ours = gaps(({ cell }) => spreadIn(byCell.get(cell.id), lastError)?.mean ?? Number.NaN);
    if (ours.length === 0) return [];
    return [
      `${dataset}, ${backbone}: end to end is ahead of local losses alone by ${range(ours, 2)} (paper ${range(
        gaps(({ paper }) => paper),
        2,
      )}).`,
    ];
  });
}

/** The smallest and the largest: `3 to 19`. */
const range = (values: readonly number[], digits: number) =>
  [...new Set([Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits)))].join(' to ');

/** What the paper's budget is beside that of the runs, and how long a part of it would take. */
function budgetTexts({ byCell }: FoundCells): readonly string[] {
  const cells = [...byCell.values()].flatMap(({ jobs: [job], runs }) =>
    job === undefined ? [] : [{ ...job, results: [...runs.values()] }],
  );
  return unique(cells, ({ cell }) => cell.dataset).flatMap(({ cell: { dataset } }) => {
    const own = cells.filter(({ cell }) => cell.dataset === dataset);
    const [first] = own;
    const [result] = first?.results ?? [];
    if (first === undefined || result === undefined) return [];
    const { config } = loadTrainConfig(overridesOf(first.cell, 'paper'));
    const paper = epochSize(config, knownSet(config.dataset).pictures) * config.train.epochs;
    const seen = result.trainPictures * result.plannedEpochs;
    const hours = own.flatMap(({ results }) => results.map(({ seconds }) => ((paper / 10) * seconds) / seen / 3600));
    return [
      `${dataset}: a run of the paper sees ${formatCount(paper)} pictures, one of these ${formatCount(seen)}. A tenth of the paper's would take ${range(hours, 0)} hours a run at the speed of these; \`--profile paper --dry\` tells for another machine.`,
    ];
  });
}

/** What trains the cells again. */
function commandsOf({ byCell }: FoundCells): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { jobs, runs } of byCell.values()) {
    const [job] = jobs;
    const [result] = runs.values();
    if (job === undefined || result === undefined) continue;
    const profile = profileOf(job.cell, result);
    if (profile === null) continue;
    const key = `man-reproduce ${homeOf(job.cell).replace('-', ' ')} --profile ${profile} --seeds ${Math.max(...runs.keys())}`;
    groups.set(key, [...(groups.get(key) ?? []), rowOf(job.cell)]);
  }
  return [...groups].map(([command, rows]) => `${command} --rows '${[...new Set(rows)].join(', ')}'`);
}

/** What `--rows` chooses a cell by; with a local loss also what adds MAN to it. */
const rowOf = ({ id }: Cell) => id.replace(/-man$/, '').replaceAll('-', ' ');

/** The profile whose budget a run had; null where it had another. */
function profileOf(cell: Cell, { trainPictures, plannedEpochs }: RunResult): Profile | null {
  const isOf = (profile: Profile) => {
    const { config } = loadTrainConfig(overridesOf(cell, profile));
    return config.train.epochs === plannedEpochs && epochSize(config, knownSet(config.dataset).pictures) === trainPictures;
  };
  return PROFILES.find(isOf) ?? null;
}

function repeatedText({ repeated }: FoundCells): readonly string[] {
  if (repeated.length === 0) return [];
  const name = ({ cell, seed }: FoundCells['repeated'][number]) => `${cell.id}, seed ${seed}`;
  const same = repeated.filter(({ isSame }) => isSame).length;
  const all = same === repeated.length ? 'all' : String(same);
  const count = repeated.length === 1 ? '1 run was' : `${repeated.length} runs were`;
  return [
    `${count} made twice (${repeated.map(name).join('; ')}): ${all} with the same losses and accuracies in every epoch, bit for bit.`,
  ];
}
