import { isManError, nearest } from '@man/base';
import { type Composed, renderDefaults, renderHelp } from '@man/config';
import { Argument, Command, CommanderError, Option } from 'commander';
import { addCheckpoint, addPages, addSweep } from './command-groups.ts';
import { addCompletion } from './completion.ts';
import { type ConfigName, loadCompareConfig, loadRecordedConfig, loadTrainConfig, useConfigFolder } from './configuration.ts';
import { VERSION } from './environment.ts';
import { badCount, notASweep, otherConfiguration, sweepOfComparison } from './errors.ts';
import { EXAMPLES } from './examples.ts';
import { wordsFrom } from './run-configuration.ts';
import type { TrainConfig } from './schema/index.ts';
import { isHow, planSweep } from './sweep-plan.ts';
import { SYNONYMS } from './synonyms.ts';
import { addStudies } from './tables/commands.ts';
import { notice, paint } from './terminal.ts';

/** Options of every command that composes a configuration. */
interface ShowOptions {
  readonly cfg?: string;
  readonly resolve?: boolean;
  readonly info?: string;
}

/**
 * Runs the program.
 *
 * @param argv words behind the program's name
 * @returns the exit code: 0 done, 1 failed, 2 used wrongly, 130 stopped by Ctrl-C
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    await createProgram((code) => {
      exitCode = code;
    }).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error);
  }
}

/** Errors of our own that are about what was typed. */
const USED_WRONGLY = [
  'MAN_REPRODUCE_NOT_A_RUN',
  'MAN_REPRODUCE_METHOD_UNKNOWN',
  'MAN_REPRODUCE_NO_RUNS',
  'MAN_REPRODUCE_NOTHING_TO_VERIFY',
  'MAN_REPRODUCE_OPTION',
  'MAN_REPRODUCE_SWEEP',
  'MAN_REPRODUCE_SWEEP_RUN',
  'MAN_REPRODUCE_SWEEP_OWNED',
  'MAN_REPRODUCE_OTHER_RUN',
  'MAN_REPRODUCE_NOT_A_SWEEP',
  'MAN_REPRODUCE_TABLE_BEGUN',
  'MAN_REPRODUCE_PARTITION',
  'MAN_CORE_PARTITION_UNKNOWN',
  'MAN_CORE_CUT',
  'MAN_CORE_CUT_UNUSABLE',
  'MAN_REPRODUCE_TABLE_CONFIGURATION',
];

/** Says what went wrong; returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isManError(error)) {
    notice(`${paint.red('error')}: ${error.describe()}`);
    return error.code.startsWith('MAN_CONFIG_') || USED_WRONGLY.includes(error.code) ? 2 : 1;
  }
  notice(`${paint.red('error')}: this is a fault of man-reproduce ${VERSION}; please report it with the lines below`);
  notice(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

function createProgram(done: (exitCode: number) => void): Command {
  const program = new Command('man-reproduce')
    .description('Trains with local learning and the Momentum Auxiliary Network (MAN), and compares it with what it improves on.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(man-reproduce --help tells more)')
    .configureOutput({ outputError: (text, write) => write(`${text}${withoutDashes(text)}`) })
    .addHelpText('after', EXAMPLES);
  configured(program, 'compare', 'end to end, InfoPro and InfoPro + MAN: same data, seed and recipe; a table and a page with curves')
    .option('--json', 'print nothing to stdout but one line of JSON at the end')
    .addHelpText('after', () => `\n${keysOf(loadCompareConfig([]), 'compare')}`)
    .action(async (words: string[], options: ShowOptions & { json?: boolean }) => {
      const { overrides, show } = settle(words, options);
      const composed = loadCompareConfig(overrides);
      if (show(composed)) return;
      // Loaded when it is needed: help and configurations should not wait for TensorFlow.js.
      const { compare } = await import('./compare.ts');
      done(await compare(overrides, { json: options.json === true }));
    });
  configured(program, 'train', 'one network with one method; with -m many: seed=1,2,3 loss=dgl,infopro')
    .option('--json', 'print nothing to stdout but one line of JSON at the end')
    .option('-m, --multirun', 'a sweep: values may be a,b · choice(a,b) · range(from,to,step) · glob(a*) · interval(low,high)')
    .option('--dry', 'with -m or --resume: list the runs, and end')
    .option('--from <folder>', 'of a run: starts with its configuration; what is typed changes it')
    .option('--resume <folder>', 'of a sweep: runs what is missing, as before or as launcher=… says')
    .option('--continue', 'with run.dir: goes on with the run that is there, begins where there is none, ends where it is finished')
    .addOption(new Option('--config-name <name>', 'first file of conf/').choices(['config', 'compare']).default('config'))
    .addHelpText('after', () => `\n${keysOf(loadTrainConfig([]), 'train')}`)
    .action(async (words: string[], options: ShowOptions & TrainWords) => {
      const { overrides, show } = settle(words, options);
      const from = options.from === undefined ? null : await wordsFrom(options.from);
      const all = [...(from?.words ?? []), ...overrides];
      const isSweep = options.multirun === true || options.resume !== undefined;
      done(await (isSweep ? runMany : runOne)(all, show, { ...options, ...from }));
    });
  addStudies(program, done);
  addCompletion(program);
  program.hook('preAction', (_, command) => {
    const { configDir } = command.opts<{ configDir?: string }>();
    if (configDir !== undefined) useConfigFolder(configDir);
  });
  configured(program, 'describe', 'the blocks of a network and what their auxiliary networks add, as a table').action(
    async (words: string[], options: ShowOptions) => {
      const { overrides, show } = settle(words, options);
      const composed = loadTrainConfig(overrides);
      if (show(composed)) return;
      const { describe } = await import('./describe.ts');
      done(describe(composed.config));
    },
  );
  configured(program, 'plan', 'memory of a training step, block by block, without running it, and what fits')
    .option('--memory <size>', 'room there is, such as 16GB: tells the largest batch and the fewest blocks that fit')
    .option('--kernels <whose>', 'native, or tensorflow, which a GPU has', 'native')
    .option('--classes <number>', 'of the data set, where yours has fewer than ImageNet')
    .option('--json', 'print one line of JSON')
    .action(async (words: string[], options: ShowOptions & PlanWords) => {
      const { overrides, show } = settle(words, options);
      if (show(loadTrainConfig(overrides))) return;
      const { planCommand } = await import('./plan-command.ts');
      const { json, memory, kernels, classes } = options;
      done(planCommand(overrides, { json: json === true, memory: memory ?? null, kernels, classes: classes ?? null }));
    });
  configured(program, 'data', 'data sets: verify compares files with what was published, show draws batches as the network sees them', [
    new Argument('<action>', 'verify or show').choices(['verify', 'show']),
  ])
    .option('--json', 'print nothing to stdout but one line of JSON at the end')
    .option('--out <file>', 'show: the page to write', 'pictures.html')
    .option('--pictures <number>', 'show: pictures of each batch', '24')
    .action(async (action: 'verify' | 'show', words: string[], options: ShowOptions & DataOptions) => {
      const { overrides, show } = settle(words, options);
      const composed = loadTrainConfig(overrides);
      if (show(composed)) return;
      const json = options.json === true;
      const { showData, verifyData } = await import('./data-command.ts');
      done(
        await (action === 'verify'
          ? verifyData(composed, { json })
          : showData(composed, { json, out: options.out, pictures: count(options.pictures) })),
      );
    });
  program
    .command('resume')
    .description('a run that was stopped or killed goes on from its latest checkpoint, as if nothing had been')
    .argument('<folder>', 'of the run, or of a sweep')
    .option('--json', 'print nothing to stdout but one line of JSON at the end')
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const { resumeRun } = await import('./resume-command.ts');
      done(await resumeRun(folder, { json: json === true }));
    });
  addSweep(program, done);
  addCheckpoint(program, done);
  addPages(program, done);
  configured(program, 'engine', 'which engine calculates here')
    .option('--json', 'print one line of JSON')
    .action(async (words: string[], options: ShowOptions & { json?: boolean }) => {
      const { overrides, show } = settle(words, options);
      const composed = loadTrainConfig(overrides);
      if (show(composed)) return;
      const { engineText, startEngine } = await import('./engine.ts');
      const engine = await startEngine(composed.config);
      process.stdout.write(`${options.json === true ? JSON.stringify(engine) : engineText(engine)}\n`);
    });
  return program;
}

/** What `train` can be told besides. */
interface TrainWords {
  readonly json?: boolean;
  readonly multirun?: boolean;
  readonly dry?: boolean;
  readonly from?: string;
  readonly resume?: string;
  readonly continue?: boolean;
  readonly configName: ConfigName;
  readonly record?: string;
}

/** What is typed behind `plan`. */
interface PlanWords {
  readonly json?: boolean;
  readonly memory?: string;
  readonly kernels: string;
  readonly classes?: string;
}

type Show = (composed: Composed<TrainConfig>) => boolean;

async function runOne(overrides: readonly string[], show: Show, options: TrainWords): Promise<number> {
  const { json, dry, configName, record } = options;
  const composed = record === undefined ? loadTrainConfig(overrides, configName) : loadRecordedConfig(record, overrides);
  const how = dry === true ? '--dry' : configName === 'config' ? composed.overrides.find(isHow) : undefined;
  if (how !== undefined) throw notASweep(how);
  if (show(composed)) return 0;
  const { train } = await import('./train.ts');
  return train(composed, { json: json === true, anyhow: options.continue === true });
}

/** With `--cfg` or `--info`, the configuration of the first run. */
async function runMany(overrides: readonly string[], show: Show, { json, dry, resume, configName, record }: TrainWords): Promise<number> {
  if (configName !== 'config') throw sweepOfComparison();
  if (record !== undefined) throw otherConfiguration(record);
  const options = { json: json === true, dry: dry === true };
  if (resume !== undefined) return (await import('./sweep.ts')).resumeSweep(resume, overrides, options);
  const { jobs } = await planSweep(overrides);
  if (show(loadTrainConfig(jobs[0]?.overrides ?? []))) return 0;
  return (await import('./sweep.ts')).sweep(overrides, options);
}

/** What `data` can be told besides. */
interface DataOptions {
  readonly json?: boolean;
  readonly out: string;
  readonly pictures: string;
}

/** What to type instead where a setting was typed as an option. */
function withoutDashes(error: string): string {
  const [, name] = /^error: unknown option '--([a-z][\w.-]*)(?:=.*)?'/i.exec(error) ?? [];
  if (name === undefined || error.includes('Did you mean')) return '';
  const keys = loadTrainConfig([]).properties.map((property) => property.key);
  const [key] = nearest(SYNONYMS[name.replaceAll('-', '_')] ?? name, keys);
  return `  → settings have no dashes: ${key ?? 'key'}=value\n`;
}

function count(text: string): number {
  const number = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 1000) throw badCount(text);
  return number;
}

function configured(program: Command, name: string, description: string, first: readonly Argument[] = []): Command {
  const command = program.command(name).description(description);
  for (const argument of first) command.addArgument(argument);
  return command
    .argument('[overrides...]', 'group=option and key=value; see below, and conf/')
    .option('--config-dir <folder>', 'your own options of groups, before those of conf/: <folder>/experiment/mine.yaml')
    .option('-c, --cfg [part]', 'print the configuration and end: job (the values) or all (with files and options)')
    .option('--resolve', 'with --cfg: interpolations resolved')
    .addOption(new Option('--info <what>', 'defaults: print each value with its origin, and end').choices(['defaults']));
}

/** The overrides, and what prints a configuration where that was asked for. */
function settle(words: readonly string[], { cfg, resolve, info }: ShowOptions) {
  // "--cfg" takes the word behind it, which may be an override.
  const isPart = cfg === 'job' || cfg === 'all';
  const overrides = typeof cfg === 'string' && !isPart ? [cfg, ...words] : words;
  const show = (composed: Composed<TrainConfig>): boolean => {
    if (info !== undefined) process.stdout.write(renderDefaults(composed));
    else if (cfg !== undefined)
      process.stdout.write(`${cfg === 'all' ? heading(composed) : ''}${composed.toYaml({ resolve: resolve === true })}`);
    return info !== undefined || cfg !== undefined;
  };
  return { overrides, show };
}

function heading({ choices, files, overrides, hash }: Composed<unknown>): string {
  const lines = [
    `options    ${Object.entries(choices)
      .map(([group, choice]) => `${group}=${String(choice)}`)
      .join(' ')}`,
    `files      ${files.join(' ')}`,
    `overrides  ${overrides.join(' ') || 'none'}`,
    `hash       ${hash}`,
  ];
  return `${lines.map((line) => `# ${line}`).join('\n')}\n`;
}

/** Groups, keys and forms of overrides, as part of a help page. */
function keysOf(composed: Composed<unknown>, command: string): string {
  const page = renderHelp(composed, { command: `man-reproduce ${command}` });
  return page.slice(page.indexOf('Groups'));
}
