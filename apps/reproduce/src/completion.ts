import { completeOverride, completionScript } from '@man/config';
import type { Command } from 'commander';
import { loadCompareConfig, loadTrainConfig } from './configuration.ts';

/** `completion <shell>`, and what its scripts ask. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a script for bash, zsh or fish that completes commands, groups, options and keys; its first line says where to put it')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => {
      process.stdout.write(completionScript(shell, program.name()));
    });
  program
    .command('__complete', { hidden: true })
    .argument('<line>')
    .action((line: string) => {
      process.stdout.write(
        candidates(program, line)
          .map((word) => `${word}\n`)
          .join(''),
      );
    });
}

/** What the last word of a line can become; a line that ends with a space has an empty one. */
function candidates(program: Command, line: string): string[] {
  const words = line.trimStart().split(/\s+/).slice(1);
  const word = words.pop() ?? '';
  let command = program;
  let inner = subcommand(command, words[0]);
  for (; inner !== undefined; inner = subcommand(command, words[0])) {
    command = inner;
    words.shift();
  }
  return of(command, words, word).filter((candidate) => candidate.startsWith(word));
}

const subcommand = (command: Command, name: string | undefined) => command.commands.find((inner) => inner.name() === name);

function of(command: Command, before: readonly string[], word: string): readonly string[] {
  const asked = command.options.find(({ long, required }) => required && long === before.at(-1));
  if (asked !== undefined) return asked.argChoices ?? [];
  if (word.startsWith('-'))
    return command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ long }) => long ?? []);
  const names = command
    .createHelp()
    .visibleCommands(command)
    .map((inner) => inner.name());
  if (names.length > 0) return names;
  const place = before.filter((typed) => !typed.startsWith('-') && !typed.includes('=')).length;
  const choices = command.registeredArguments[place]?.argChoices;
  if (choices !== undefined) return choices;
  const takesOverrides = command.registeredArguments.at(-1)?.name() === 'overrides';
  return takesOverrides ? completeOverride(configurationOf(command, before), word) : [];
}

/** With what was typed so far, which decides what keys there are; without it where it is not whole yet. */
function configurationOf(command: Command, before: readonly string[]) {
  const load = command.name() === 'compare' ? loadCompareConfig : loadTrainConfig;
  try {
    return load(before.filter((typed) => !typed.startsWith('-') && typed.includes('=')));
  } catch {
    return load([]);
  }
}
