import { readdirSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LibraryFolder } from './cache.ts';
import { type CompileOptions, linkerArguments, nodeApiHeaders } from './compile.ts';
import { moveIntoPlace, temporaryName } from './files.ts';
import { probeKernels } from './kernels-probe.ts';
import { kernelSources, kernelsFile, quietFile, SOURCES } from './kernels-sources.ts';
import { libraryNames } from './platform.ts';
import { runTool } from './run-tool.ts';
import { libraryIn } from './status.ts';
import type { TfjsPackage } from './tfjs-package.ts';
import type { KernelsStamp } from './types.ts';

const QUIET = 'quiet.cc';

/** Instruction sets that the kernels are compiled for; the program chooses when it starts. */
const INSTRUCTIONS: Readonly<Record<string, readonly string[]>> = {
  avx512: ['-mavx512f', '-mavx512vl', '-mavx512bw', '-mavx512dq', '-mfma', '-mprefer-vector-width=512'],
  avx2: ['-mavx2', '-mfma'],
  portable: [],
};

/**
 * Compiles the training kernels of this project, compares them with TensorFlow's in a child process and puts them beside the addon.
 * They make training faster and nothing else: where they do not compile or do not agree, the reason is noted and all works without.
 *
 * @throws MAN_NATIVE_CANCELLED
 */
export async function installKernels(target: TfjsPackage, library: LibraryFolder, options: CompileOptions): Promise<KernelsStamp> {
  const sources = kernelSources();
  const folder = temporaryName(kernelsFile(target));
  await mkdir(folder, { recursive: true });
  try {
    const quiet = await compileQuiet(target, folder, options);
    const common = { sources, ...(quiet === undefined ? {} : { quiet }) };
    const built = await compileKernels(target, library, folder, options);
    if ('reason' in built) return { ...common, reason: built.reason };
    const found = await probeKernels(target.dir, built.file, options);
    if ('reason' in found) return { ...common, reason: found.reason };
    await moveIntoPlace(built.file, kernelsFile(target));
    return { ...common, file: kernelsFile(target), bytes: (await stat(kernelsFile(target))).size, instructions: found.instructions };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Compiles the module that loads TensorFlow without its notices; undefined where that fails, for nothing depends on it. */
async function compileQuiet(target: TfjsPackage, folder: string, { compiler, env, signal }: CompileOptions): Promise<string | undefined> {
  const built = join(folder, basename(quietFile(target)));
  const kind = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  const args = [...compiler.args, '-O2', '-fPIC', '-std=c++17', ...kind, ...nodeFlags(target), QUIET, '-o', built, '-ldl'];
  const { code } = await runTool(compiler.command, args, { cwd: SOURCES, env, signal });
  if (code !== 0) return undefined;
  await moveIntoPlace(built, quietFile(target));
  return quietFile(target);
}

const nodeFlags = (target: TfjsPackage) => [`-DNAPI_VERSION=${target.napi}`, `-I${nodeApiHeaders()}`];

async function compileKernels(
  target: TfjsPackage,
  library: LibraryFolder,
  folder: string,
  { compiler, env, signal }: CompileOptions,
): Promise<{ file: string } | { reason: string }> {
  const run = async (args: readonly string[]) => {
    const result = await runTool(compiler.command, [...compiler.args, ...args], { cwd: SOURCES, env, signal });
    return result.code === 0
      ? undefined
      : firstError(result.stderr || result.stdout) || `the compiler ended with ${result.code ?? result.killedBy}`;
  };
  const jobs = kernelJobs(target, library, folder);
  const failures = (await Promise.all(jobs.map(({ args }) => run(args)))).filter((reason) => reason !== undefined);
  if (failures[0] !== undefined) return { reason: failures[0] };
  const file = join(folder, basename(kernelsFile(target)));
  const objects = jobs.map(({ object }) => object);
  const reason = await run([...objects, '-o', file, ...linkerArguments(library, libraryIn(library.dir) ?? libraryNames()[0]), '-pthread']);
  return reason === undefined ? { file } : { reason };
}

/** One call of the compiler for each source, and of the kernels one for each instruction set. */
function kernelJobs(target: TfjsPackage, library: LibraryFolder, folder: string): { object: string; args: string[] }[] {
  const common = ['-O3', '-fPIC', '-std=c++17', '-fvisibility=hidden', '-Wno-psabi'];
  const rest = ['-ffp-contract=off', ...nodeFlags(target), `-I${library.include}`];
  const job = (source: string, name: string, flags: readonly string[]) => {
    const object = join(folder, `${name}.o`);
    return { object, args: [...common, ...flags, '-c', source, '-o', object] };
  };
  const sets = Object.entries(INSTRUCTIONS).filter(([name]) => name === 'portable' || process.arch === 'x64');
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.cc') && name !== 'kernels.cc' && name !== QUIET);
  return [
    ...sets.map(([name, flags]) => job('kernels.cc', name, ['-ffp-contract=fast', `-DMAN_ISA=${name}`, ...flags])),
    ...sources.map((source) => job(source, source, rest)),
  ];
}

function firstError(output: string): string {
  const lines = output.split('\n');
  return (lines.find((line) => /\berror\b/.test(line)) ?? lines[0] ?? '').trim();
}
