import { formatBytes, formatDuration, textTable } from '@man/track';

/** What is read of `summary.json` of a run. */
export interface RunSummaryFile {
  readonly label: string;
  readonly seed: number;
  readonly blocks: number;
  readonly plannedEpochs: number;
  readonly epochs: readonly object[];
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly peakTensorBytes: number;
  readonly trainPictures: number;
  readonly testPictures: number;
  readonly batch: number;
  readonly engine: string;
  readonly final: { readonly testError: number; readonly bestTestError: number };
}

/** A run, and the cell of a table that it belongs to: `cifar10-resnet32-k16-dgl-man`. */
export interface Run {
  readonly cell: string;
  readonly summary: RunSummaryFile;
}

/** A number of the paper, as paper/tables.json has it. */
export interface PaperRow {
  readonly table: string;
  readonly dataset: string;
  readonly backbone: string;
  readonly K: number;
  readonly method: string;
  readonly man: boolean;
  readonly value: number;
}

interface Cell {
  readonly id: string;
  readonly network: string;
  readonly blocks: number;
  readonly loss: string;
  readonly man: boolean;
  readonly runs: readonly RunSummaryFile[];
  readonly paper: number | null;
}

const SETS: Readonly<Record<string, string>> = { cifar10: 'CIFAR-10', svhn: 'SVHN', stl10: 'STL-10' };
const LOSSES: Readonly<Record<string, string>> = { e2e: 'end to end', predsim: 'PredSim', dgl: 'DGL', infopro: 'InfoPro' };

/** docs/results.md. */
export function page(runs: readonly Run[], paper: readonly PaperRow[], figures: readonly string[]): string {
  const cells = cellsOf(runs, paper);
  const [first] = runs;
  return `${[
    '# Results',
    `Runs of this repository on real pictures, on a machine with 2 cores and no graphics card, at a small budget: ${budgets(runs).join('; ')}. The
paper trains on 50,000 pictures for 400 epochs. So errors are far above the paper's, and the question is only which way they move. Each run is
one JSON file in [results/runs](results/runs); this page is written from them by \`npx tsx tools/results/results.ts\`.`,
    '## Table 1',
    table(cells),
    'Test error in percent, mean and standard deviation over seeds; “MAN” is what MAN adds to it, here and in the paper. Time is that of training, with other work on the machine; memory the most bytes of tensors alive at once.',
    '## What shows, and what does not',
    effects(cells),
    `End to end is far ahead of all local losses after so few steps, as in the paper after many. Local losses of 16 blocks need many more steps to order
themselves as in Table 1: that table has ${(50_000 * 400).toLocaleString('en-US')} pictures per run, this one ${((first?.summary.trainPictures ?? 0) * (first?.summary.plannedEpochs ?? 0)).toLocaleString('en-US')}. A tenth of the paper's budget, 40 epochs of
all pictures, would take ${hoursOf(runs, 40 * 50_000)} a run at the speed of these; \`man-reproduce table 1 --profile paper --dry\` tells for yours.`,
    ...(figures.length === 0 ? [] : ['## Figures', ...figures.map((name) => `![${figureName(name)}](results/${name})`)]),
    '## Do it again',
    `\`\`\`sh
man-reproduce table 1 --seeds 3 --rows 'cifar10 resnet32 k16, cifar10 resnet32 e2e'
\`\`\`

It trains what is not there yet, one run after the other, and goes on with \`--resume\` where it was stopped. Engine: ${first?.summary.engine ?? 'none'}.`,
  ].join('\n\n')}\n`;
}

function cellsOf(runs: readonly Run[], paper: readonly PaperRow[]): Cell[] {
  const ids = [...new Set(runs.map(({ cell }) => cell))];
  const cells = ids.map((id): Cell => {
    const own = runs.filter(({ cell }) => cell === id);
    const [, set = '', network = '', k, loss = 'e2e', man] = /^(\w+)-(\w+)-(?:k(\d+)-)?(e2e|predsim|dgl|infopro)(-man)?$/.exec(id) ?? [];
    const [dataset, backbone, blocks] = [SETS[set] ?? set, network.replace(/^resnet/, 'ResNet-'), Number(k ?? 1)];
    const isSame = (row: PaperRow) =>
      row.table === '1' && row.dataset === dataset && row.backbone === backbone && row.K === blocks && row.man === (man !== undefined);
    const row = paper.find((candidate) => isSame(candidate) && (loss === 'e2e' || candidate.method === LOSSES[loss]));
    return {
      id,
      network: `${dataset}, ${backbone}`,
      blocks,
      loss: LOSSES[loss] ?? loss,
      man: man !== undefined,
      runs: own.map(({ summary }) => summary),
      paper: row?.value ?? null,
    };
  });
  const order = (cell: Cell) => [cell.network, cell.blocks, Object.values(LOSSES).indexOf(cell.loss), cell.man].map(String).join();
  return cells.sort((a, b) => order(a).localeCompare(order(b), 'en', { numeric: true }));
}

const errors = ({ runs }: Cell, which: 'testError' | 'bestTestError') => runs.map(({ final }) => 100 * final[which]);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
const spread = (values: readonly number[]) => mean(values).toFixed(2) + (values.length > 1 ? ` ± ${deviation(values).toFixed(2)}` : '');
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** The same cell without MAN; null for one that has none. */
const plainOf = (cell: Cell, cells: readonly Cell[]) =>
  cell.man ? (cells.find((other) => other.id === cell.id.replace(/-man$/, '')) ?? null) : null;

function table(cells: readonly Cell[]): string {
  return textTable(
    cells,
    [
      { heading: 'network', value: ({ network }) => network },
      { heading: 'K', value: ({ blocks }) => blocks, align: 'right' },
      { heading: 'method', value: ({ loss, man }) => (man ? `${loss} + MAN` : loss) },
      { heading: 'seeds', value: ({ runs }) => runs.length, align: 'right' },
      { heading: 'last epoch', value: (cell) => spread(errors(cell, 'testError')), align: 'right' },
      { heading: 'best epoch', value: (cell) => spread(errors(cell, 'bestTestError')), align: 'right' },
      { heading: 'MAN', value: (cell) => changeText(cell, cells), align: 'right' },
      { heading: 'paper', value: ({ paper }) => paper?.toFixed(2) ?? '', align: 'right' },
      { heading: 'MAN there', value: (cell) => paperChange(cell, cells), align: 'right' },
      { heading: 'time', value: ({ runs }) => formatDuration(mean(runs.map(({ seconds }) => seconds))), align: 'right' },
      { heading: 'memory', value: ({ runs }) => formatBytes(mean(runs.map(({ peakTensorBytes }) => peakTensorBytes))), align: 'right' },
    ],
    { format: 'markdown' },
  );
}

function changeText(cell: Cell, cells: readonly Cell[]): string {
  const plain = plainOf(cell, cells);
  return plain === null ? '' : signed(mean(errors(cell, 'testError')) - mean(errors(plain, 'testError')));
}

function paperChange(cell: Cell, cells: readonly Cell[]): string {
  const plain = plainOf(cell, cells);
  return plain?.paper == null || cell.paper === null ? '' : signed(cell.paper - plain.paper);
}

/** For each loss, whether MAN's change is larger than chance between seeds would make it. */
function effects(cells: readonly Cell[]): string {
  const lines = cells.flatMap((cell) => {
    const plain = plainOf(cell, cells);
    if (plain === null) return [];
    const [ours, without] = [errors(cell, 'testError'), errors(plain, 'testError')];
    const change = mean(ours) - mean(without);
    const where = `- ${cell.loss}, ${cell.network}, K = ${cell.blocks}: MAN changes the error by ${signed(change)} (paper ${paperChange(cell, cells) || 'none'})`;
    if (Math.min(ours.length, without.length) < 2) return [`${where}; of one seed, which says nothing of chance.`];
    const error = Math.sqrt(deviation(ours) ** 2 / ours.length + deviation(without) ** 2 / without.length);
    return [
      `${where}; ${Math.abs(change) > 2 * error ? 'more' : 'not more'} than twice the standard error of ${error.toFixed(2)} between seeds.`,
    ];
  });
  return lines.join('\n');
}

const budgets = (runs: readonly Run[]) => [
  ...new Set(
    runs.map(
      ({ summary: { trainPictures, plannedEpochs, batch, testPictures } }) =>
        `${trainPictures.toLocaleString('en-US')} pictures, ${plannedEpochs} epochs, batches of ${batch}, tested on ${testPictures.toLocaleString('en-US')}`,
    ),
  ),
];

/** How long runs of so many pictures would take: `4 to 17 hours`. */
function hoursOf(runs: readonly Run[], pictures: number): string {
  const hours = runs.map(
    ({ summary: { seconds, trainPictures, plannedEpochs } }) => ((seconds / 3600) * pictures) / (trainPictures * plannedEpochs),
  );
  return `${Math.min(...hours).toFixed(0)} to ${Math.max(...hours).toFixed(0)} hours`;
}

const figureName = (file: string) => file.replace(/^figure-(\d+)\.svg$/, 'Figure $1');
