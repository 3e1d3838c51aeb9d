import type { Command } from 'commander';

/** `sweep status`, `cancel` and `report`. */
export function addSweep(program: Command, done: (exitCode: number) => void): void {
  const group = program.command('sweep').description('looks after sweeps: how their runs are, their end, their page');
  group
    .command('status')
    .description('how the runs are now, also those in the queue of Slurm')
    .argument('<folder>', 'of the sweep')
    .option('--json', 'print one line of JSON')
    .action(async (folder: string, { json }: { json?: boolean }) => {
      done(await (await import('./sweep-command.ts')).sweepStatus(folder, { json: json === true }));
    });
  group
    .command('cancel')
    .description('ends the runs; each writes what it has, and can go on later')
    .argument('<folder>', 'of the sweep')
    .action(async (folder: string) => done(await (await import('./sweep-command.ts')).sweepCancel(folder)));
  group
    .command('report')
    .description('writes table and page anew, about what there is')
    .argument('<folder>', 'of the sweep')
    .action(async (folder: string) => done(await (await import('./sweep-command.ts')).sweepReport(folder)));
}

/** `checkpoint inspect`, `diff` and `export`. */
export function addCheckpoint(program: Command, done: (exitCode: number) => void): void {
  const group = program.command('checkpoint').description('looks into checkpoints and files of weights, compares and exports them');
  group
    .command('inspect')
    .description('where the run was, and every tensor')
    .argument('<file>')
    .option('--json', 'print one line of JSON')
    .action(async (file: string, { json }: { json?: boolean }) => {
      done(await (await import('./checkpoint-command.ts')).inspectCheckpoint(file, { json: json === true }));
    });
  group
    .command('diff')
    .description('what two differ in; ends with 0 where nothing, else with 1')
    .argument('<first>')
    .argument('<second>')
    .option('--json', 'print one line of JSON')
    .action(async (first: string, second: string, { json }: { json?: boolean }) => {
      done(await (await import('./checkpoint-command.ts')).diffCommand(first, second, { json: json === true }));
    });
  group
    .command('export')
    .description('the network alone, for other programs')
    .argument('<file>')
    .argument('<target>', 'torch: the file to write; tfjs: the folder')
    .requiredOption('--to <what>', 'torch or tfjs')
    .action(async (file: string, target: string, { to }: { to: string }) => {
      done(await (await import('./checkpoint-command.ts')).exportCommand(file, target, to));
    });
}

/** `report` and `watch`. */
export function addPages(program: Command, done: (exitCode: number) => void): void {
  program
    .command('report')
    .description('one page and a Markdown table about runs: results, curves, what they differ in, commands that repeat them')
    .argument('<folders...>', 'of runs, or above them')
    .option('--out <file>', 'the page to write', 'report.html')
    .option('--markdown <file>', 'where to write the table, too')
    .option('--title <text>', 'of both')
    .option('--paper', 'about runs of table and figure: beside the paper’s numbers, with what shows and what does not')
    .action(async (folders: string[], { out, markdown, title, paper }: ReportWords) => {
      const { report: write } = await import('./report.ts');
      done(await write(folders, { out, markdown: markdown ?? null, title: title ?? null, paper: paper === true }));
    });
  program
    .command('watch')
    .description('a live page with the curves of all runs in a folder')
    .argument('[folder]', 'default: outputs')
    .option('--port <number>', 'of the page')
    .allowUnknownOption()
    .action(async (_folder: string | undefined, _options: unknown, { args }: Command) => {
      const { watchCommand } = await import('./watch.ts');
      done(await watchCommand(args));
    });
}

/** What is typed behind `report`. */
interface ReportWords {
  readonly out: string;
  readonly markdown?: string;
  readonly title?: string;
  readonly paper?: boolean;
}
