import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { type Ended, run } from '../run.ts';
import { publicRooms, readJson, rooms, root } from '../workspace.ts';
import { fencesOf, pages } from './fences.ts';

/** Programs that a page may name and that this repository does not bring. */
const KNOWN_PROGRAMS = ['cd', 'git', 'python3', 'sudo', 'tensorboard', 'export', 'mkdir'];
const NPM_COMMANDS = ['ci', 'install', 'pack', 'publish', 'view', 'config'];

interface Command {
  readonly at: string;
  readonly room: string;
  readonly words: readonly string[];
}

/** The commands of all `sh` fences. */
const commands: readonly Command[] = pages().flatMap((page) =>
  fencesOf(page)
    .filter(({ info }) => /^(sh|bash|shell)\b/.test(info))
    .flatMap(({ at, code }) => commandsOf(code).map((words) => ({ at, room: join(page, '..'), words }))),
);

/** The words of each command, without comments, quotes, environment variables and a leading `npx`. */
function commandsOf(code: string): string[][] {
  const lines = code
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []);
  return lines.flatMap((tokens) => {
    const comment = tokens.findIndex((token) => token.startsWith('#'));
    const list: string[][] = [[]];
    for (const token of comment === -1 ? tokens : tokens.slice(0, comment)) {
      if (['&&', ';', '|'].includes(token)) list.push([]);
      else if (list.at(-1)?.length !== 0 || !(token === 'npx' || /^[A-Z_]+=/.test(token))) list.at(-1)?.push(token.replace(/['"]/g, ''));
    }
    return list.filter((words) => words.length > 0);
  });
}

const bins = new Map(
  rooms.flatMap((room) => Object.entries(room.manifest.bin ?? {}).map(([name, path]) => [name, join(room.folder, path)])),
);

describe('commands on the pages', () => {
  it.each(commands.filter(({ words }) => words[0] === 'npm').map((command) => ({ ...command, verb: command.words.slice(1).join(' ') })))(
    '$at: npm $verb',
    ({ words, room }) => {
      const [, verb = '', name = ''] = words;
      const script = verb === 'run' ? name : verb;
      const scripts = [root, room].flatMap((folder) => Object.keys(manifestOf(folder).scripts ?? {}));
      if (verb === 'create') return expect(`create-${name}`).toBe(manifestOf(join(root, 'tools/create')).name);
      if (NPM_COMMANDS.includes(script)) return expect(unknownPackages(words.slice(2))).toEqual([]);
      return expect(scripts).toContain(script);
    },
  );

  it('name no program that is not there', () => {
    const tools = Object.keys(manifestOf(root).devDependencies ?? {});
    const known = [...bins.keys(), ...tools, ...KNOWN_PROGRAMS, 'npm'];
    expect(commands.filter(({ words }) => !known.includes(words[0]!)).map(({ at, words }) => `${at}: ${words.join(' ')}`)).toEqual([]);
  });
});

describe('commands of ours on the pages', () => {
  beforeAll(requireBuilt);
  const helps = new Map<string, Promise<Ended>>();
  const help = (bin: string, ...command: string[]) => {
    const key = [bin, ...command].join(' ');
    if (!helps.has(key)) helps.set(key, run(process.execPath, [bins.get(bin)!, ...command, '--help'], { cwd: root }));
    return helps.get(key)!;
  };

  it.each(commands.flatMap(({ at, words }) => (bins.has(words[0] ?? '') ? [{ at, line: words.join(' ') }] : [])))(
    '$at: $line',
    async ({ line }) => {
      const [bin = '', ...words] = line.split(' ');
      const general = await help(bin);
      expect(general).toMatchObject({ code: 0, stderr: '' });
      const [command] = words;
      if (command === undefined || command.startsWith('-')) return;
      expect(general.stdout).toMatch(new RegExp(`^ +(${bin} )?${command}\\b`, 'm'));
      const own = await help(bin, command);
      expect(own).toMatchObject({ code: 0, stderr: '' });
      const [, inner = ''] = words;
      const hasInner = /^Commands:/m.test(own.stdout) && new RegExp(`^ +${inner || '-'}\\b`, 'm').test(own.stdout);
      const { stdout } = hasInner ? await help(bin, command, inner) : own;
      for (const option of words.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option.split('=')[0]);
    },
  );

  const composed = commands.filter(({ words }) => words[0] === 'man-reproduce' && words.slice(1).some((word) => word.includes('=')));
  /** Tables and figures print no configuration, and take what a sweep takes. */
  const askable = ([command = '', ...rest]: readonly string[]) =>
    ['table', 'figure'].includes(command) ? ['train', '-m', ...rest.filter((word) => /^[a-z][\w.]*=/i.test(word))] : [command, ...rest];
  it.each(composed.map(({ at, words }) => ({ at, args: askable(words.slice(1)) })))('$at: the overrides compose', async ({ args }) => {
    const ended = await run(process.execPath, [bins.get('man-reproduce')!, ...args, '--cfg'], { cwd: root });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });
});

function manifestOf(folder: string) {
  const path = join(folder, 'package.json');
  return existsSync(path) ? readJson(path) : { name: '', version: '' };
}

/** What `npm install` is told to get and neither is ours nor stands in a package.json. */
function unknownPackages(words: readonly string[]): string[] {
  const named = [...rooms.map(({ manifest }) => manifest), manifestOf(root)].flatMap(
    ({ dependencies, devDependencies, peerDependencies, optionalDependencies }) =>
      Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies }),
  );
  const known = new Set([...publicRooms.map((room) => room.manifest.name), ...named.filter((name) => !name.startsWith('@man/'))]);
  return words.filter((word) => !word.startsWith('-') && !known.has(word.replace(/(?!^)@[^/]*$/, '')));
}
