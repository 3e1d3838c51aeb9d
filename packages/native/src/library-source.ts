import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cached, givenFolder, type LibraryFolder } from './cache.ts';
import { download, downloadBytes } from './download.ts';
import { fromNotFound, gpuUnsupported, noPythonTensorFlow, unsupportedPlatform, wheelPlatform } from './errors.ts';
import { requireRoom } from './files.ts';
import { findPip, findPython } from './find-tools.ts';
import { cacheRoot, platformName } from './platform.ts';
import { runTool } from './run-tool.ts';
import type { InstallOptions, InstallProgress, LibraryVariant, Stamp } from './types.ts';
import { unpack } from './unpack.ts';
import { cacheKey, libraryFor, SUPPORTED_PLATFORMS, variantOfWheel } from './wheels.ts';

/** Where the library comes from, in the words of the stamp. */
export type Origin = Pick<Stamp, 'source' | 'library'>;

/** What every way of getting a library needs. */
export interface SourceContext {
  readonly options: InstallOptions;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly onProgress: (progress: InstallProgress) => void;
}

/** The library of `variant`, from the cache or the network. */
export async function fromNetwork(variant: LibraryVariant, context: SourceContext): Promise<LibraryFolder & Origin> {
  const { env, onProgress } = context;
  const platform = platformName();
  const library = libraryFor(platform, variant);
  if (library === undefined) {
    throw variant === 'gpu' && SUPPORTED_PLATFORMS.includes(platform)
      ? gpuUnsupported(platform)
      : unsupportedPlatform(platform, SUPPORTED_PLATFORMS);
  }
  const folder = await cached(root(context), cacheKey(platform, variant), waiting(context), async (tree, scratch, signal) => {
    const python = await findPython({ env, signal });
    const pip = await findPip(python, { env, signal });
    const fetched = downloadBytes(library);
    // pip holds a file twice for a moment; the wheels stay until they are unpacked.
    await requireRoom(tree, fetched + Math.max(fetched, library.unpackedBytes));
    const wheels = await download(library, scratch, { pip, env, signal, onProgress });
    await unpack(wheels, tree, { python, env, signal, onProgress });
  });
  return { ...folder, source: 'download', library: variant };
}

/**
 * The library a person points at with `--from`.
 *
 * @throws MAN_NATIVE_FROM
 */
export async function fromGiven(from: string, context: SourceContext): Promise<LibraryFolder & Origin> {
  if (from === 'python') return { ...(await fromPython(context)), source: 'python', library: 'custom' };
  const path = resolve(context.options.cwd ?? process.cwd(), from);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw fromNotFound(from);
  if (found.isFile()) return { ...(await fromWheels([path], context)), source: path };
  const wheels = (await readdir(path)).filter((name) => /^(tensorflow|nvidia)[\w]*-.*\.whl$/.test(name)).map((name) => join(path, name));
  if (wheels.length > 0) return { ...(await fromWheels(wheels, context)), source: path };
  return { ...(await givenFolder(path)), source: path, library: 'custom' };
}

async function fromWheels(wheels: readonly string[], context: SourceContext): Promise<LibraryFolder & Pick<Origin, 'library'>> {
  const platform = platformName();
  for (const wheel of wheels) if (!isFor(basename(wheel), platform)) throw wheelPlatform(basename(wheel), platform);
  const hashes = await Promise.all(wheels.map(sha256));
  const pinned = wheels.length === 1 ? variantOfWheel(platform, hashes[0] ?? '') : undefined;
  const main = wheels.findIndex((wheel) => basename(wheel).startsWith('tensorflow'));
  const [name = 'wheel', version = '0'] = basename(wheels[Math.max(main, 0)] ?? '').split('-');
  const content = createHash('sha256').update(hashes.toSorted().join()).digest('hex').slice(0, 12);
  const key = pinned === undefined ? `${name}-${version}-${platform}-${content}`.replaceAll(/[^\w.+-]/g, '_') : cacheKey(platform, pinned);
  const { env, onProgress } = context;
  const folder = await cached(root(context), key, waiting(context), async (tree, _scratch, signal) => {
    const python = await findPython({ env, signal });
    await unpack(wheels, tree, { python, env, signal, onProgress });
  });
  return { ...folder, library: pinned ?? 'custom' };
}

/** Asks where TensorFlow is without importing it, which would take seconds and print. */
const WHERE = `
import importlib.util, sys
spec = importlib.util.find_spec('tensorflow')
if spec is None or not spec.submodule_search_locations:
    sys.exit('no module named tensorflow')
print(list(spec.submodule_search_locations)[0])
`;

async function fromPython({ env, options }: SourceContext): Promise<LibraryFolder> {
  const python = await findPython({ env, signal: options.signal });
  const result = await runTool(python.command, [...python.args, '-c', WHERE], { env, signal: options.signal });
  if (result.code !== 0)
    throw noPythonTensorFlow(python.command, result.stderr.trim() || `it ended with ${result.code ?? result.killedBy}`);
  const dir = result.stdout.trim().split('\n').at(-1) ?? '';
  return givenFolder(await realpath(dir));
}

function isFor(wheel: string, platform: string): boolean {
  if (/-any\.whl$/.test(wheel)) return true;
  if (!wheel.endsWith('.whl')) return true; // The name says nothing; what is inside is checked anyway.
  const patterns: Readonly<Record<string, RegExp>> = {
    'linux-x64': /linux\w*_x86_64/,
    'linux-arm64': /linux\w*_aarch64/,
    'darwin-arm64': /macosx_\w+_(arm64|universal2)/,
    'darwin-x64': /macosx_\w+_(x86_64|universal2)/,
  };
  return patterns[platform]?.test(wheel) ?? false;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

function root({ options, env }: SourceContext): string {
  return cacheRoot(options.cacheDir, env);
}

function waiting({ options, onProgress }: SourceContext) {
  return {
    signal: options.signal,
    onWait: () => onProgress({ phase: 'wait', message: 'another installation is filling the cache; waiting for it' }),
  };
}
