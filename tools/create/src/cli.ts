import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createPackage, KINDS, type Kind, UsageError } from './create-package.ts';

const HELP = `create-man-plugin <kind> <name>

Makes the package of a local loss, a plugin, a network or a data set in a new folder, with a test that it passes.

  <kind>         ${KINDS.join(', ')}
  <name>         of the package: soft-labels, @me/soft-labels
  --folder DIR   the folder to make; default: the name without its scope
  --help, --version
`;

process.exitCode = main(process.argv.slice(2));

function main(argv: readonly string[]): number {
  try {
    const options = { folder: { type: 'string' }, help: { type: 'boolean' }, version: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (values.help) return print(HELP);
    if (values.version) return print(`${version()}\n`);
    const [kind, name, ...rest] = positionals;
    if (!isKind(kind) || name === undefined || rest.length > 0)
      throw new UsageError(`expected a kind (${KINDS.join(', ')}) and a name, got '${argv.join(' ')}'`);
    const folder = resolve(values.folder ?? (name.split('/').at(-1) as string));
    const files = createPackage({ kind, name, folder });
    const made = files.map((file) => `  ${file}\n`).join('');
    return print(`Made ${folder}:\n${made}\nNow:\n  cd ${folder}\n  npm install\n  npm test\n`);
  } catch (error) {
    if (!isUsage(error)) throw error;
    process.stderr.write(`${error.message}\n\n${HELP}`);
    return 2;
  }
}

function isKind(text: string | undefined): text is Kind {
  return KINDS.some((kind) => kind === text);
}

/** Ours, or that of an option which `parseArgs` does not know. */
function isUsage(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
