import type { Composed } from '@man/config';
import { formatBytes, formatCount, formatDuration, type Report, type ReportColumn, textTable } from '@man/track';
import { dateText, environment } from './environment.ts';
import { knownSet } from './known-sets.ts';
import { dataName, networkOf } from './names.ts';
import type { RunResult } from './result.ts';
import type { CompareConfig } from './schema/index.ts';

/** One method of a comparison with what became of it. */
export interface Compared {
  readonly name: string;
  readonly label: string;
  readonly overrides: readonly string[];
  /** Null where it failed or was not reached. */
  readonly result: RunResult | null;
  /** Why there is no result. */
  readonly problem: string | null;
  /** Percent, as the paper prints it; null where it has no number. */
  readonly paperError: number | null;
}

const percent = (share: number | null | undefined) => (share === null || share === undefined ? null : (100 * share).toFixed(2));

/** Most memory resident in training above what was resident before. */
export function aboveIdle({ peakResidentBytes, idleResidentBytes }: RunResult): number | null {
  return peakResidentBytes === null ? null : peakResidentBytes - idleResidentBytes;
}

/** The results as a table for a terminal. */
export function comparisonTable(methods: readonly Compared[]): string {
  const bytes = (value: number | null | undefined) => (value === null || value === undefined ? null : formatBytes(value));
  const right = 'right' as const;
  return textTable(methods, [
    { heading: 'method', value: ({ label, problem }) => (problem === null ? label : `${label} (${problem})`) },
    { heading: 'blocks', value: ({ result }) => result?.blocks, align: right },
    { heading: 'test error %', value: ({ result }) => percent(result?.final.testError), align: right },
    { heading: 'train error %', value: ({ result }) => percent(errorOf(result?.trainTop1)), align: right },
    { heading: 'peak tensors', value: ({ result }) => bytes(result?.peakTensorBytes), align: right },
    { heading: 'above idle', value: ({ result }) => bytes(result === null ? null : aboveIdle(result)), align: right },
    {
      heading: 'images/s',
      value: ({ result }) => (result?.imagesPerSecond == null ? null : formatCount(result.imagesPerSecond)),
      align: right,
    },
    { heading: 'training', value: ({ result }) => (result === null ? null : formatDuration(result.seconds)), align: right },
    ...(methods.some(({ paperError }) => paperError !== null)
      ? [{ heading: 'paper %', value: ({ paperError }: Compared) => paperError?.toFixed(2), align: right }]
      : []),
  ]);
}

const errorOf = (top1: number | null | undefined) => (top1 === null || top1 === undefined ? null : 1 - top1);

/** What the numbers are worth: pictures, epochs, and how far that is from the paper. */
export function budgetText(config: CompareConfig, pictures: { readonly train: number; readonly test: number }, dataset: string): string {
  const { epochs, batch } = config.train;
  const told = `${formatCount(pictures.train)} pictures of ${dataName(dataset)} for ${formatCount(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'} in batches of ${batch}, tested on ${formatCount(pictures.test)}`;
  const isFull = dataset === 'cifar10' && pictures.train === 50_000 && epochs >= 400;
  return isFull
    ? `Budget: ${told}, as in the paper.`
    : `Reduced budget: ${told}. The paper trains on 50,000 pictures of CIFAR-10 for 400 epochs; at this budget errors are far higher, and the order of the methods can differ from the paper's.`;
}

/** Everything about a comparison that its page shows. */
export interface ComparisonReport {
  readonly composed: Composed<CompareConfig>;
  readonly methods: readonly Compared[];
  readonly dataset: string;
  readonly data: string;
  readonly budget: string;
  readonly stopped: boolean;
  readonly seconds: number;
}

/** The page of a comparison. */
export function comparisonReport({ composed, methods, dataset, data, budget, stopped, seconds }: ComparisonReport): Report {
  const runs = methods.flatMap(({ result }) => (result === null ? [] : [result]));
  const first = runs[0];
  const missing = methods.filter(({ result }) => result === null);
  const resident = runs.map((run) => [run.name, aboveIdle(run)] as const);
  const columns: ReportColumn[] = [
    {
      heading: 'Resident above idle',
      values: Object.fromEntries(resident.map(([name, bytes]) => [name, bytes === null ? null : formatBytes(bytes)])),
    },
    ...(methods.some(({ paperError }) => paperError !== null)
      ? [
          {
            heading: 'Paper, 400 epochs',
            unit: '% error',
            values: Object.fromEntries(methods.map(({ name, paperError }) => [name, paperError?.toFixed(2) ?? null])),
          },
        ]
      : []),
  ];
  return {
    title: titleOf(methods, composed.config, dataset),
    summary: [
      budget,
      ...findings(runs, knownSet(composed.config.dataset).classes),
      ...(stopped ? ['Stopped by the user before its end: this is what there was.'] : []),
      ...missing.map(({ label, problem }) => `${label}: no result, ${problem ?? 'not run'}.`),
    ],
    runs,
    ...(runs.some(({ name }) => name === 'e2e') ? { baseline: 'e2e' } : {}),
    columns,
    tables: [
      {
        title: 'Methods',
        columns: ['Method', 'What differs', 'Parameters in training only', 'Waited for data'],
        rows: methods.map(({ label, overrides, result }) => [
          label,
          overrides.join(' '),
          result === null ? null : formatCount(result.auxiliaryParameters),
          result?.waiting == null ? null : `${(100 * result.waiting).toFixed(1)} %`,
        ]),
        caption: 'Everything else is the same for all: data, order, augmentation, initial weights, batch, learning rates, epochs.',
      },
    ],
    notes: NOTES,
    configuration: composed.toYaml(),
    environment: environment({
      command: ['man-reproduce compare', ...composed.overrides].join(' '),
      data,
      engine: first?.engine ?? 'none started',
      'took in all': formatDuration(seconds),
      'configuration hash': composed.hash,
    }),
    date: dateText(),
  };
}

const NOTES = [
  'One seed each: differences of a few points are within what another seed changes.',
  'Peak tensor memory is counted by the trainer: the most bytes of tensors alive at once in any step. Resident memory is what the operating system saw; above idle is its peak less what was resident before the network was made.',
  'What local training saves grows with the batch: activations grow with it, weights do not.',
  'Training error is measured on augmented pictures while weights still change, so it can be above the test error.',
];

/** What stands out, in words; every number is in the table too. */
function findings(runs: readonly RunResult[], classes: number): string[] {
  const byError = runs
    .filter(({ final }) => final.testError !== null)
    .sort((a, b) => (a.final.testError as number) - (b.final.testError as number));
  const byMemory = [...runs].sort((a, b) => (a.peakTensorBytes ?? Infinity) - (b.peakTensorBytes ?? Infinity));
  const [best, least, first] = [byError[0], byMemory[0], runs[0]];
  if (runs.length < 2 || best === undefined || least === undefined || first === undefined) return [];
  const chance = `guessing would be ${formatCount(100 * (1 - 1 / classes))} %`;
  const others = byError.slice(1).map(({ label, final }) => `${label} ${percent(final.testError)} %`);
  const error = `Lowest test error: ${best.label}, ${percent(best.final.testError)} %, before ${others.join(', ')}; ${chance}.`;
  const saving = Math.round(100 * (1 - (least.peakTensorBytes ?? 0) / (first.peakTensorBytes || 1)));
  const compared = least === first ? '' : `, ${saving} % less than ${first.label}`;
  return [error, `Least memory: ${least.label}, ${formatBytes(least.peakTensorBytes ?? Number.NaN)} of tensors${compared}.`];
}

function titleOf(methods: readonly Compared[], config: CompareConfig, dataset: string): string {
  const labels = methods.map(({ label }) => label);
  const names = labels.length < 2 ? labels.join('') : `${labels.slice(0, -1).join(', ')} and ${labels.at(-1)}`;
  return `${names.charAt(0).toUpperCase()}${names.slice(1)}: ${networkOf(config)} on ${dataName(dataset)}`;
}
