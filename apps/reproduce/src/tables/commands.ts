import type { Command } from 'commander';
import type { StudyOptions } from './study.ts';

type Run = (number: string, overrides: readonly string[], options: StudyOptions) => Promise<number>;

/** `man-reproduce table` and `figure`. */
export function addStudies(program: Command, done: (exitCode: number) => void): void {
  add(
    program,
    'table',
    '1, 2, 3, 4 or 5',
    'a table of the paper: trains what it needs and is not there yet, and prints it beside the paper’s numbers',
  )
    // Loaded when it is needed: help should not wait for TensorFlow.js.
    .action(acted(async () => (await import('./table-command.ts')).tableCommand, done));
  add(program, 'figure', '1, 4, 5, 6 or 7', 'a figure of the paper: trains what it needs and is not there yet, and draws it').action(
    acted(async () => (await import('../figures/figure-command.ts')).figureCommand, done),
  );
}

function add(program: Command, name: string, numbers: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<number>', numbers)
    .argument('[overrides...]', 'group=option and key=value, for all runs')
    .option('--profile <name>', 'paper: its recipe, five seeds; quick: minutes a run; smoke: seconds a run', 'quick')
    .option('--rows <filter>', "cells to train and print, by words: 'cifar10 k16 dgl'; '!man' leaves out; a comma begins another choice")
    .option('--seeds <number>', 'runs of each cell; default five of paper, else one')
    .option('--out <folder>', 'where the folders of tables and figures are', 'outputs')
    .option('--config-dir <folder>', 'your own options of groups, before those of conf/')
    .option('--resume', 'go on with runs that were interrupted')
    .option('--dry', 'only tell what would run, how long, and how much memory and disk it takes')
    .option('--json', 'print nothing to stdout but one line of JSON at the end');
}

/** What is typed behind `table` and `figure`. */
interface Words {
  readonly profile: string;
  readonly out: string;
  readonly rows?: string;
  readonly seeds?: string;
  readonly resume?: boolean;
  readonly dry?: boolean;
  readonly json?: boolean;
}

function acted(load: () => Promise<Run>, done: (exitCode: number) => void) {
  return async (number: string, overrides: string[], { rows, seeds, resume, dry, json, ...rest }: Words) => {
    const run = await load();
    const flags = { resume: resume === true, dry: dry === true, json: json === true };
    done(await run(number, overrides, { ...rest, ...flags, rows: rows ?? null, seeds: seeds ?? null }));
  };
}
