import { parseArgs } from 'node:util';
import { nearest } from '@man/base';
import { badOption } from './errors.ts';
import type { LibraryChoice } from './types.ts';

/** What the command line asks for. */
export interface Arguments {
  readonly command: 'install' | 'doctor' | 'path' | 'uninstall' | 'help' | 'version';
  readonly json: boolean;
  readonly quiet: boolean;
  readonly force: boolean;
  readonly cache: boolean;
  readonly library?: LibraryChoice;
  readonly from?: string;
  readonly packageDir?: string;
}

/** The text of `--help`. */
export const HELP = `man-native: TensorFlow for @tensorflow/tfjs-node(-gpu), without its own installer

  man-native install             get libtensorflow, compile the addon, prove that it trains
      --library cpu|gpu|auto     auto (default): gpu where an NVIDIA driver answers, else cpu
      --from <wheel|folder|python>   use this instead of downloading; python: the installed Python TensorFlow
      --force                    install again although everything is in place
      --quiet                    no progress
  man-native doctor              what is found, what really runs, and the command that mends what is missing
  man-native path                the folder of the library in use
  man-native uninstall           take away what install put into the npm package
      --cache                    and the cached libraries

  everywhere: --package-dir <folder>   the tfjs-node(-gpu) package; default: resolved from the current folder
              --json (install, doctor, path, uninstall)   one JSON object on standard output
              --help, --version

Environment: MAN_NATIVE_CACHE (cache folder), CXX (compiler), PYTHON, HTTPS_PROXY.
Exit codes:  0 done, or training works · 1 it does not, or an error · 2 wrong usage · 130 stopped with Ctrl-C.
`;

const COMMANDS = {
  install: ['library', 'from', 'force', 'quiet', 'package-dir', 'json'],
  doctor: ['package-dir', 'json'],
  path: ['package-dir', 'json'],
  uninstall: ['cache', 'package-dir', 'json'],
} as const;

const OPTIONS = {
  library: { type: 'string' },
  from: { type: 'string' },
  'package-dir': { type: 'string' },
  force: { type: 'boolean' },
  quiet: { type: 'boolean' },
  cache: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/**
 * Reads the command line.
 *
 * @param argv without Node and the script
 * @throws MAN_NATIVE_OPTION
 */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parse(argv);
  const common = {
    json: values.json ?? false,
    quiet: values.quiet ?? false,
    force: values.force ?? false,
    cache: values.cache ?? false,
    ...(values.library === undefined ? {} : { library: asLibrary(values.library) }),
    ...(values.from === undefined ? {} : { from: asPath('--from', values.from) }),
    ...(values['package-dir'] === undefined ? {} : { packageDir: asPath('--package-dir', values['package-dir']) }),
  };
  if (values.version) return { command: 'version', ...common };
  if (values.help || (positionals.length === 0 && argv.length === 0)) return { command: 'help', ...common };
  const [word = '', ...rest] = positionals;
  if (!isCommand(word)) {
    throw badOption(
      `expected a command (${Object.keys(COMMANDS).join(', ')}), got ${JSON.stringify(word)}`,
      meant(word, Object.keys(COMMANDS)),
    );
  }
  if (rest.length > 0) throw badOption(`unexpected ${JSON.stringify(rest[0])} after ${word}`, 'see `man-native --help`');
  const allowed: readonly string[] = COMMANDS[word];
  const stray = Object.keys(values).find((name) => !allowed.includes(name));
  if (stray !== undefined)
    throw badOption(`--${stray} is no option of ${word}`, `it takes ${allowed.map((name) => `--${name}`).join(', ')}`);
  return { command: word, ...common };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const unknown = /Unknown option '--?([^']+)'/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw badOption((error as Error).message, 'see `man-native --help`');
    throw badOption(`unknown option ${unknown.length === 1 ? '-' : '--'}${unknown}`, meant(unknown, Object.keys(OPTIONS), '--'));
  }
}

function isCommand(word: string): word is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, word);
}

function asLibrary(value: string): LibraryChoice {
  if (value === 'cpu' || value === 'gpu' || value === 'auto') return value;
  throw badOption(`expected cpu, gpu or auto after --library, got ${JSON.stringify(value)}`, 'leave it out for auto');
}

function asPath(option: string, value: string): string {
  if (value !== '') return value;
  throw badOption(`expected a path after ${option}, got nothing`, 'an unset shell variable, perhaps');
}

function meant(word: string, candidates: readonly string[], prefix = ''): string {
  const close = nearest(word, candidates).map((name) => `${prefix}${name}`);
  return close.length === 0 ? 'see `man-native --help`' : `did you mean ${close.join(' or ')}?`;
}
