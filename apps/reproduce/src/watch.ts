import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { isManError } from '@man/base';
import { watch } from '@man/track';

const HELP = `Usage: man-reproduce watch [folder] [--port <number>]

A page with the live curves of all runs in a folder (default: outputs), for a browser on this machine. Runs may begin, end and be resumed
meanwhile. Ctrl-C ends it; no run notices.

Options:
  --port <number>  of the page (default: 6123; 0 takes any that is free)
  -h, --help       display help
`;

/**
 * `man-reproduce watch`: serves the live page until it is stopped. It has a file of its own, loaded without the rest of the program: it
 * should cost nothing beside a run.
 *
 * @returns the exit code
 */
export async function watchCommand(words: readonly string[]): Promise<number> {
  let options: { folder: string; port?: number };
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    if (positionals.length > 1) throw new TypeError(`expected one folder, got ${positionals.length}: ${positionals.join(', ')}`);
    options = { folder: positionals[0] ?? 'outputs', ...(values.port === undefined ? {} : { port: Number(values.port) }) };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n(man-reproduce watch --help tells more)\n`);
    return 2;
  }
  // It reads lines now and then: compiled code and room for garbage would only take memory from the runs.
  for (const flag of ['--no-opt', '--optimize-for-size', '--semi-space-growth-factor=1']) setFlagsFromString(flag);
  try {
    const page = await watch(options);
    process.stdout.write(`${page.url}\n`);
    const isThere = existsSync(options.folder) ? '' : ' (which is not there yet)';
    process.stderr.write(`Runs below ${options.folder}${isThere}. Ctrl-C ends this page; no run notices.\n`);
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    await page.close();
    return 0;
  } catch (error) {
    if (!isManError(error)) throw error;
    process.stderr.write(`error: ${error.describe()}\n`);
    return error.code === 'MAN_TRACK_BAD_OPTION' ? 2 : 1;
  }
}
