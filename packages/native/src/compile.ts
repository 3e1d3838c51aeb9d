import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { LibraryFolder } from './cache.ts';
import { compileFailed, noLibraryIn } from './errors.ts';
import { moveIntoPlace, temporaryName } from './files.ts';
import type { Tool } from './find-tools.ts';
import { frameworkName, libraryNames } from './platform.ts';
import { runTool } from './run-tool.ts';
import { libraryIn } from './status.ts';
import type { TfjsPackage } from './tfjs-package.ts';

/** Options of {@link compileAddon}. */
export interface CompileOptions {
  readonly compiler: Tool;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly signal: AbortSignal;
}

/**
 * Compiles the addon of `target` against `library` to a temporary file beside its place, and returns the name of that file.
 *
 * @throws MAN_NATIVE_COMPILE
 */
export async function compileAddon(target: TfjsPackage, library: LibraryFolder, options: CompileOptions): Promise<string> {
  const name = libraryIn(library.dir);
  if (name === undefined) throw noLibraryIn(library.dir, libraryNames());
  await mkdir(dirname(target.addon), { recursive: true });
  const temporary = temporaryName(target.addon);
  const { command, args } = options.compiler;
  try {
    const all = [...args, ...compilerArguments(target, library, name, temporary)];
    const result = await runTool(command, all, { cwd: target.dir, env: options.env, signal: options.signal });
    if (result.code !== 0) throw compileFailed(command, result.stderr || result.stdout || `ended by ${result.killedBy}`);
    return temporary;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Puts a compiled addon and the link to its library in place; what was there before is given back by the function returned.
 *
 * @param temporary from {@link compileAddon}
 */
export async function placeAddon(target: TfjsPackage, library: LibraryFolder, temporary: string): Promise<() => Promise<void>> {
  const oldLink = await readlink(target.link).catch(() => undefined);
  const oldAddon = temporaryName(target.addon);
  const hadAddon = await rename(target.addon, oldAddon).then(
    () => true,
    () => false,
  );
  await linkLibrary(target, library.dir);
  await moveIntoPlace(temporary, target.addon);
  return async () => {
    await rm(target.addon, { force: true });
    if (hadAddon) await rename(oldAddon, target.addon);
    if (oldLink === undefined) await unlinkLibrary(target);
    else await linkLibrary(target, oldLink);
  };
}

/** What the compiler is told; the addon finds its library through the package's link, so neither depends on the cache's place. */
export function compilerArguments(
  target: TfjsPackage,
  library: LibraryFolder,
  libraryName: string,
  output: string,
  platform: NodeJS.Platform = process.platform,
): string[] {
  return [
    ...['-O2', '-fPIC', '-std=c++17', `-DNAPI_VERSION=${target.napi}`],
    ...['-I.', `-I${nodeApiHeaders()}`, `-I${library.include}`],
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', '-o', output],
    ...linkerArguments(library, libraryName, platform),
  ];
}

/** How a module for Node is linked with the library that it will find from `lib/napi-v…/` of the package. */
export function linkerArguments(library: LibraryFolder, libraryName: string, platform: NodeJS.Platform = process.platform): string[] {
  const names = [libraryName, frameworkName(platform)];
  if (platform === 'darwin') {
    const files = names.map((name) => join(library.dir, name));
    return ['-bundle', '-undefined', 'dynamic_lookup', ...files, '-Wl,-rpath,@loader_path/../../deps/lib'];
  }
  return ['-shared', `-L${library.dir}`, ...names.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'];
}

/** Makes the package's `deps/lib` lead to `dir`; a folder that stood there is put aside, and named back by {@link unlinkLibrary}. */
async function linkLibrary(target: TfjsPackage, dir: string): Promise<void> {
  await mkdir(dirname(target.link), { recursive: true });
  const temporary = temporaryName(target.link);
  await symlink(dir, temporary);
  if ((await isLink(target.link)) === false) {
    await rm(aside(target), { recursive: true, force: true });
    await rename(target.link, aside(target));
  }
  await rename(temporary, target.link);
}

/** Takes the link away, and puts back what stood there before. */
export async function unlinkLibrary(target: TfjsPackage): Promise<void> {
  if ((await isLink(target.link)) === true) await rm(target.link);
  if ((await isLink(target.link)) === undefined) await rename(aside(target), target.link).catch(() => undefined);
}

/** Whether `path` is a link; `undefined` when nothing is there. */
export async function isLink(path: string): Promise<boolean | undefined> {
  try {
    await readlink(path);
    return true;
  } catch {
    return (await stat(path).catch(() => undefined)) === undefined ? undefined : false;
  }
}

function aside(target: TfjsPackage): string {
  return `${target.link}.before-man-native`;
}

/** The folder of the C headers of Node-API. */
export function nodeApiHeaders(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
}

/** Removes the files of runs that were killed; only under the lock on the package, which says that nobody is using them. */
export async function removeLeftovers(target: TfjsPackage): Promise<void> {
  for (const folder of [dirname(target.addon), dirname(target.link)]) await removeTemporary(folder);
}

async function removeTemporary(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names
      .filter((name) => /\.tmp-[0-9a-f]{8}$/.test(basename(name)))
      .map((name) => rm(join(folder, name), { recursive: true, force: true })),
  );
}
