import { pathToFileURL } from 'node:url';
import type { ManError } from '@man/base';
import type { Composed } from '@man/config';
import type { Engine } from '@man/ops';
import { atomicWrite, formatDuration, writeReport } from '@man/track';
import { budgetText, type Compared, comparisonReport, comparisonTable } from './comparison.ts';
import { loadCompareConfig } from './configuration.ts';
import { openDataset } from './data.ts';
import { engineText } from './engine.ts';
import { unknownMethods } from './errors.ts';
import { paperError } from './paper.ts';
import type { RunResult } from './result.ts';
import { epochSize } from './rules.ts';
import { createRunFolder, type RunFolder } from './run-folder.ts';
import type { Method } from './schema/compare.ts';
import type { CompareConfig } from './schema/index.ts';
import { listenForStop, type Stop } from './stop.ts';
import { fact, notice, paint } from './terminal.ts';
import { quoted, startWorker, type Worker } from './worker.ts';

/**
 * `man-reproduce compare`: several methods with one recipe, each in a process of its own; a table and a page.
 *
 * @returns the exit code: 0; 1 when a method failed; 130 or 143 when it was stopped, with a page about what there was
 */
export async function compare(overrides: readonly string[], { json }: { readonly json: boolean }): Promise<number> {
  const started = performance.now();
  let worker: Worker | undefined;
  const stop = listenForStop(() => worker?.kill());
  stop.signal.addEventListener('abort', () => worker?.stop());
  try {
    const plan = await makePlan(overrides, stop);
    if (plan === null) {
      notice('Stopped before training began; no files are left.');
      return stop.exitCode();
    }
    const methods: Compared[] = [];
    for (const [i, method] of plan.methods.entries()) {
      notice(paint.bold(`\n${i + 1} of ${plan.methods.length}: ${method.label}`));
      worker = startWorker(method.label, argsOf(plan, method));
      // Ctrl-C may have come between two methods.
      if (stop.signal.aborted) worker.stop();
      const outcome = await worker.result.then(
        (result) => ({ result: result as RunResult | null, problem: result === null ? 'stopped' : null }),
        (error: ManError) => {
          notice(error.describe());
          return { result: null, problem: 'failed' };
        },
      );
      methods.push({ ...method, ...outcome, paperError: paperErrorOf(plan, method) });
      if (stop.signal.aborted) break;
    }
    worker = undefined;
    await conclude(plan, methods, { json, stopped: stop.signal.aborted, seconds: (performance.now() - started) / 1000 });
    if (stop.signal.aborted) return stop.exitCode();
    return methods.some(({ result }) => result === null) ? 1 : 0;
  } finally {
    stop.dispose();
  }
}

/** Everything that is decided before the first method starts. */
interface Plan {
  readonly composed: Composed<CompareConfig>;
  readonly methods: readonly Method[];
  readonly folder: RunFolder;
  /** As typed, with the budget before and the data set behind. */
  readonly overrides: readonly string[];
  readonly dataset: string;
  readonly data: string;
  readonly budget: string;
}

/** Null when it was stopped meanwhile. */
async function makePlan(typed: readonly string[], stop: Stop): Promise<Plan | null> {
  const first = loadCompareConfig(typed);
  const engine = await probeEngine(first.config.engine);
  // First, so that a budget that was typed replaces it.
  const budgeted = [`budget=${engine.name === 'tensorflow' ? 'tensorflow' : 'wasm'}`, ...typed];
  const composed = loadCompareConfig(budgeted);
  const methods = chosenMethods(composed.config);
  // Before anything runs, every method's configuration must be right.
  for (const method of methods) loadCompareConfig([...budgeted, ...method.overrides]);
  const folder = await createRunFolder(composed);
  try {
    fact('engine', engineText(engine));
    const { dataset, message } = await openDataset(composed.config, stop.signal);
    stop.signal.throwIfAborted();
    const { config } = composed;
    const pictures = {
      train: epochSize(config, dataset.train.size),
      test: Math.min(config.test.limit ?? dataset.test.size, dataset.test.size),
    };
    const budget = budgetText(config, pictures, dataset.name);
    fact('data', message);
    fact('budget', choiceText(composed));
    fact('', budget);
    fact('folder', folder.shown);
    const decided = config.dataset.type === 'auto' ? [`dataset=${dataset.name}`] : [];
    return { composed, methods, folder, overrides: [...budgeted, ...decided], dataset: dataset.name, data: message, budget };
  } catch (error) {
    await folder.discard();
    if (stop.signal.aborted) return null;
    throw error;
  }
}

/** Starts the engine in a process of its own, to learn which it is; this one stays small. */
async function probeEngine(engine: CompareConfig['engine']): Promise<Pick<Engine, 'name' | 'message'>> {
  return (await startWorker('engine', ['engine', '--json', `engine=${engine}`]).result) as Engine;
}

function chosenMethods({ compare: { methods, only } }: CompareConfig): readonly Method[] {
  if (only === null) return methods;
  const known = methods.map(({ name }) => name);
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0 || only.length === 0) throw unknownMethods(unknown, known);
  return methods.filter(({ name }) => only.includes(name));
}

/** Which budget was chosen and how long it takes, unless its numbers were replaced. */
function choiceText({ choices, origins, config }: Composed<CompareConfig>): string {
  const file = `budget/${String(choices.budget)}.yaml`;
  const isReplaced = DURATION_KEYS.some((key) => {
    const origin = origins.get(key);
    return origin?.kind === 'override' || (origin?.kind === 'file' && origin.file.includes('/experiment/'));
  });
  return isReplaced || config.compare.budget === null ? 'as typed' : `${config.compare.budget} (conf/${file})`;
}

/** What decides how long a comparison takes. */
const DURATION_KEYS = ['train.epochs', 'train.limit', 'train.batch', 'test.limit', 'backbone.depth', 'backbone.width', 'partition.blocks'];

function argsOf({ overrides, folder }: Plan, { name, label, overrides: own }: Method): string[] {
  const run = [`run.dir=${quoted(folder.file(name))}`, `run.name=${quoted(name)}`, `run.label=${quoted(label)}`];
  return ['train', '--json', '--config-name', 'compare', ...overrides, ...own, ...run];
}

function paperErrorOf({ overrides, dataset }: Plan, method: Method): number | null {
  return paperError(loadCompareConfig([...overrides, ...method.overrides]).config, dataset);
}

/** What the quick comparison leads to. */
const MORE = `What else there is (npx man-reproduce --help tells more):
  man-reproduce table 1 --rows 'cifar10 k16'    rows of the paper's Table 1, minutes each; --profile paper for its recipe
  man-reproduce figure 4                        a figure of it; so are 1, 5, 6 and 7
  man-reproduce plan backbone=resnet110         memory of a training step, without running it
  man-reproduce train loss=dgl plugin=man       one network with one method
  man-reproduce watch outputs                   a live page with the curves of all runs`;

interface Ending {
  readonly json: boolean;
  readonly stopped: boolean;
  readonly seconds: number;
}

/** The table, the page, and the numbers as JSON. */
async function conclude(plan: Plan, methods: readonly Compared[], { json, stopped, seconds }: Ending): Promise<void> {
  const { composed, folder, dataset, data, budget } = plan;
  const report = folder.file('report.html');
  await writeReport(report, comparisonReport({ composed, methods, dataset, data, budget, stopped, seconds }));
  const numbers = { data, budget, seconds, interrupted: stopped, configHash: composed.hash, folder: folder.path, report, methods };
  await atomicWrite(folder.file('comparison.json'), `${JSON.stringify(numbers, null, 2)}\n`);
  if (json) {
    process.stdout.write(`${JSON.stringify(numbers)}\n`);
    return;
  }
  const lines = [
    '',
    comparisonTable(methods),
    '',
    `Data: ${data}.`,
    budget,
    `${stopped ? 'Stopped' : 'Done'} after ${formatDuration(seconds)}. The page with curves:`,
    pathToFileURL(report).href,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  notice(`\n${MORE}`);
}
