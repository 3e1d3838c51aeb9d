import { readFileSync } from 'node:fs';
import { isManError } from '@man/base';
import colour from 'picocolors';
import { type Arguments, HELP, parseArguments } from './cli-arguments.ts';
import { type Diagnosis, doctor } from './doctor.ts';
import { notInstalled } from './errors.ts';
import { install } from './install.ts';
import { progressBar } from './progress-bar.ts';
import { status } from './status.ts';
import type { InstallResult } from './types.ts';
import { uninstall } from './uninstall.ts';

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  // Cleaning up takes a moment; a second Ctrl-C must not skip it. SIGKILL can, and the next run tidies up after it.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  // A reader that went away (`| head`) is no reason to stop half-way.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const wantsJson = argv.includes('--json');
  try {
    const given = parseArguments(argv);
    return await run(given, stop.signal);
  } catch (error) {
    return fail(error, wantsJson);
  }
}

async function run(given: Arguments, signal: AbortSignal): Promise<number> {
  switch (given.command) {
    case 'help':
      process.stdout.write(HELP);
      return EXIT.done;
    case 'version':
      print(version());
      return EXIT.done;
    case 'install':
      return runInstall(given, signal);
    case 'doctor':
      return runDoctor(given, signal);
    case 'path':
      return runPath(given);
    case 'uninstall':
      return runUninstall(given, signal);
  }
}

async function runInstall({ json, quiet, ...options }: Arguments, signal: AbortSignal): Promise<number> {
  const { stderr } = process;
  const bar = progressBar({ isTTY: stderr.isTTY ?? false, columns: stderr.columns || 80, write: (text) => void stderr.write(text) });
  try {
    const onProgress = quiet ? undefined : bar.update;
    const result = await install({ ...options, signal, ...(onProgress === undefined ? {} : { onProgress }) });
    bar.end();
    if (json) print(JSON.stringify(result));
    else printInstalled(result);
    return EXIT.done;
  } finally {
    bar.end();
  }
}

function printInstalled({ outcome, packageDir, stamp, device, seconds }: InstallResult): void {
  const what = `TensorFlow ${stamp.tensorflow} (${stamp.library}) in ${packageDir}`;
  if (outcome === 'present') {
    print(`${colour.green('✓')} nothing to do: ${what} is in place`);
    return;
  }
  print(`${colour.green('✓')} ${what} trains on the ${device}  (${seconds.toFixed(1)} s)`);
  if (stamp.library === 'gpu' && device === 'cpu') {
    print(`${colour.yellow('!')} the GPU library found no GPU it can use; \`nvidia-smi\` and \`man-native doctor\` say more`);
  }
}

async function runDoctor(given: Arguments, signal: AbortSignal): Promise<number> {
  const diagnosis = await doctor({ ...located(given), signal });
  if (given.json) print(JSON.stringify(diagnosis));
  else printDiagnosis(diagnosis);
  return diagnosis.works ? EXIT.done : EXIT.failed;
}

function printDiagnosis({ works, checks }: Diagnosis): void {
  const signs = { ok: colour.green('✓'), absent: colour.yellow('·'), missing: colour.red('✗') };
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, state, found, fix } of checks) {
    const indent = `\n${' '.repeat(width + 4)}`;
    print(`${signs[state]} ${name.padEnd(width)}  ${found.replaceAll('\n', indent)}`);
    if (fix !== undefined) print(`${' '.repeat(width + 4)}${colour.cyan(`→ ${fix}`)}`);
  }
  print(works ? colour.green('\ntraining works') : colour.red('\ntraining does not work'));
}

function runPath(given: Arguments): number {
  const { ready, reason, stamp } = status(located(given));
  if (!ready || stamp === undefined) throw notInstalled(reason);
  print(given.json ? JSON.stringify({ libraryDir: stamp.libraryDir }) : stamp.libraryDir);
  return EXIT.done;
}

async function runUninstall(given: Arguments, signal: AbortSignal): Promise<number> {
  const result = await uninstall({ ...located(given), cache: given.cache, signal });
  if (given.json) print(JSON.stringify(result));
  else if (result.removed.length === 0) print('nothing to remove');
  else for (const name of result.removed) print(`removed ${name}`);
  return EXIT.done;
}

function fail(error: unknown, json: boolean): number {
  if (!isManError(error)) throw error;
  if (json) print(JSON.stringify({ error: { code: error.code, message: error.message, hint: error.hint } }));
  else console.error(`${colour.red('✗')} ${error.describe()}`);
  if (error.code === 'MAN_NATIVE_CANCELLED') return EXIT.interrupted;
  return error.code === 'MAN_NATIVE_OPTION' ? EXIT.usage : EXIT.failed;
}

function located({ packageDir }: Arguments): { packageDir?: string } {
  return packageDir === undefined ? {} : { packageDir };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
