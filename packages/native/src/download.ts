import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setInterval } from 'node:timers/promises';
import type { ManError } from '@man/base';
import { diskFull, hashMismatch, offline, pipFailed, wheelNotFound } from './errors.ts';
import { lastingPart } from './files.ts';
import type { Tool } from './find-tools.ts';
import { runTool } from './run-tool.ts';
import type { InstallProgress } from './types.ts';
import { type Library, PYTHON_TAG } from './wheels.ts';

/** Options of {@link download}. */
export interface DownloadOptions {
  readonly pip: Tool;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: InstallProgress) => void;
}

/** Bytes of all files of a library. */
export function downloadBytes(library: Library): number {
  return library.wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
}

/**
 * Has pip fetch the wheels of `library` into `folder` (which must be empty) and check each sha256; returns their paths.
 *
 * @throws MAN_NATIVE_HASH
 * @throws MAN_NATIVE_OFFLINE
 * @throws MAN_NATIVE_WHEEL_NOT_FOUND
 * @throws MAN_NATIVE_DISK_FULL
 * @throws MAN_NATIVE_PIP
 */
export async function download(library: Library, folder: string, options: DownloadOptions): Promise<string[]> {
  const scratch = join(folder, 'pip');
  const files = join(folder, 'wheels');
  await mkdir(scratch, { recursive: true });
  await mkdir(files);
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, requirementLines(library));
  const result = await watching(library, [scratch, files], options.onProgress, () =>
    runTool(options.pip.command, [...options.pip.args, ...pipArguments(library, requirements, files)], {
      env: pipEnvironment(options.env, scratch),
      signal: options.signal,
    }),
  );
  const output = `${result.stdout}\n${result.stderr}`;
  const exit = result.killedBy ?? `exit code ${result.code ?? 'none'}`;
  if (result.code !== 0) throw explain(output, exit, library, folder);
  const wheels = (await readdir(files)).filter((name) => name.endsWith('.whl')).map((name) => join(files, name));
  if (wheels.length !== library.wheels.length) throw pipFailed(`${wheels.length} of ${library.wheels.length} files`, output);
  return wheels;
}

/** A requirements file that pip accepts only files of the right content for. */
export function requirementLines(library: Library): string {
  return library.wheels.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`).join('');
}

/** Everything after `pip`; the platform and Python are fixed, so the Python that runs pip may be any. */
export function pipArguments(library: Library, requirements: string, folder: string): string[] {
  return [
    ...['download', '--no-deps', '--only-binary=:all:', '--require-hashes', '--progress-bar', 'off'],
    ...['--implementation', 'cp', '--python-version', PYTHON_TAG.version, '--abi', PYTHON_TAG.abi],
    ...library.platforms.flatMap((platform) => ['--platform', platform]),
    ...['-r', requirements, '-d', folder],
  ];
}

function pipEnvironment(env: Readonly<NodeJS.ProcessEnv>, scratch: string): NodeJS.ProcessEnv {
  return {
    ...env,
    // pip downloads here: on the disk of the cache rather than a small /tmp, where its size can be watched and Ctrl-C leaves nothing.
    TMPDIR: scratch,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    // Nothing is installed into any Python, so none needs to be activated.
    PIP_REQUIRE_VIRTUALENV: '0',
  };
}

function explain(output: string, exit: string, library: Library, folder: string): ManError {
  if (/DO NOT MATCH THE HASHES|HashMismatch|hashes are required/i.test(output)) return hashMismatch(output);
  if (/No space left on device|Disk quota exceeded|Errno 28\b/i.test(output)) return diskFull(lastingPart(folder));
  // Unreachable indexes also end in "no matching distribution", so the network comes first.
  if (
    /NewConnectionError|Max retries|ConnectionError|ReadTimeout|timed out|name resolution|ProxyError|SSLError|Connection (broken|reset|refused)|IncompleteRead/i.test(
      output,
    )
  )
    return offline(output);
  if (/No matching distribution|Could not find a version/i.test(output)) {
    const missing = /No matching distribution found for (\S+)/.exec(output)?.[1];
    return wheelNotFound(missing ?? library.wheels.map(({ name, version }) => `${name}==${version}`).join(', '), output);
  }
  return pipFailed(exit, output);
}

/** Reports how much has arrived, by the size of the files: pip itself says it in a form that depends on its version, if at all. */
async function watching<T>(
  library: Library,
  folders: readonly string[],
  onProgress: (progress: InstallProgress) => void,
  work: () => Promise<T>,
): Promise<T> {
  const total = downloadBytes(library);
  const names =
    library.wheels.length === 1 ? `${library.wheels[0]?.name} ${library.tensorflow}` : `TensorFlow ${library.tensorflow} and CUDA`;
  const message = `downloading ${names}`;
  const report = (done: number) => onProgress({ phase: 'download', message, done: Math.min(done, total), total });
  report(0);
  const ended = new AbortController();
  const watch = (async () => {
    for await (const _ of setInterval(200, undefined, { signal: ended.signal })) {
      // pip copies finished files from the first folder to the second.
      report(Math.max(...(await Promise.all(folders.map(folderBytes)))));
    }
  })().catch(() => undefined);
  try {
    return await work();
  } finally {
    ended.abort();
    await watch;
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    const found = await stat(join(folder, entry)).catch(() => undefined);
    return found?.isFile() ? found.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
