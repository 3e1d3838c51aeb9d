import { realpath, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { LibraryFolder } from './cache.ts';
import { compileAddon, isLink, placeAddon, removeLeftovers } from './compile.ts';
import { badOption, processorTooOld, verifyFailed } from './errors.ts';
import { writeFileAtomically, writingTo } from './files.ts';
import { findCompiler, nvidiaDevices, type Tool } from './find-tools.ts';
import { installKernels } from './kernels.ts';
import { fromGiven, fromNetwork, type Origin, type SourceContext } from './library-source.ts';
import { withLock } from './lock.ts';
import { platformName } from './platform.ts';
import { type Probe, probe } from './probe.ts';
import { readStamp, stampTime, whatChanged } from './status.ts';
import { findPackage, type TfjsPackage } from './tfjs-package.ts';
import type { InstallOptions, InstallResult, LibraryVariant, Stamp } from './types.ts';
import { versionOf } from './wheels.ts';

/**
 * Gets libtensorflow, compiles the addon of the installed tfjs-node(-gpu) against it and proves that it trains; does nothing when that
 * is so already. Safe to run twice at once and to stop at any moment.
 *
 * @throws MAN_NATIVE_* see the table in the README
 * @example
 * ```ts
 * import { install } from '@man/native';
 *
 * const { outcome, stamp } = await install({ library: 'cpu', onProgress: ({ message }) => console.log(message) });
 * console.log(outcome, stamp.tensorflow);
 * ```
 */
export async function install(options: InstallOptions = {}): Promise<InstallResult> {
  const started = performance.now();
  check(options);
  const env = options.env ?? process.env;
  const target = findPackage(options);
  const context: SourceContext = { options, env, onProgress: options.onProgress ?? (() => undefined) };
  const variant = options.from === undefined ? await chooseVariant(target, context) : undefined;
  const done = (stamp: Stamp, outcome: InstallResult['outcome'], device?: 'cpu' | 'gpu'): InstallResult => ({
    ...{ outcome, packageDir: target.dir, stamp, seconds: (performance.now() - started) / 1000 },
    ...(device === undefined ? {} : { device }),
  });
  const present = inPlace(target, options, variant);
  if (present !== undefined) return done(present, 'present');
  const foreign = await adoptForeign(target, context);
  if (foreign !== undefined) return done(foreign, 'present');
  const stampedAt = stampTime(target);
  // Before hundreds of megabytes are fetched.
  const compiler = await findCompiler({ env, signal: options.signal });
  const library = await (variant === undefined ? fromGiven(options.from ?? '', context) : fromNetwork(variant, context));
  const onWait = () => context.onProgress({ phase: 'wait', message: 'another installation is working on the package; waiting for it' });
  return writingTo('package', target.dir, () =>
    withLock(target.dir, '.man-native', { signal: options.signal, onWait }, async (signal) => {
      // Only what was proven since: a library that had to be fetched anew is tried anew.
      const meanwhile = stampTime(target) > stampedAt ? inPlace(target, { ...options, force: false }, variant) : undefined;
      if (meanwhile !== undefined && meanwhile.libraryDir === library.dir) return done(meanwhile, 'present');
      const { stamp, device } = await build(target, library, compiler, { ...context, options: { ...options, signal } });
      return done(stamp, 'installed', device);
    }),
  );
}

function check({ library, from }: InstallOptions): void {
  if (library !== undefined && !['cpu', 'gpu', 'auto'].includes(library)) {
    throw badOption(`expected cpu, gpu or auto as library, got ${JSON.stringify(library)}`, 'leave it out for auto');
  }
  if (library !== undefined && from !== undefined) {
    throw badOption('library and from exclude each other: what is given with from is what it is', 'leave one of them out');
  }
}

async function chooseVariant(target: TfjsPackage, { options, env }: SourceContext): Promise<LibraryVariant> {
  if (options.library === 'cpu' || options.library === 'gpu') return options.library;
  if (target.name !== '@tensorflow/tfjs-node-gpu' || process.platform !== 'linux' || process.arch !== 'x64') return 'cpu';
  return (await nvidiaDevices({ env, signal: options.signal })).length > 0 ? 'gpu' : 'cpu';
}

/** The stamp, when all it names is in place and it is what was asked for. */
function inPlace(target: TfjsPackage, options: InstallOptions, variant: LibraryVariant | undefined): Stamp | undefined {
  const stamp = readStamp(target);
  if (options.force || stamp === undefined || whatChanged(target, stamp) !== '') return undefined;
  if (options.from !== undefined) return sameSource(stamp, options.from, options.cwd) ? stamp : undefined;
  if (stamp.library === variant) return stamp.tensorflow === versionOf(platformName(), variant) ? stamp : undefined;
  // Asked for nothing in particular: a library given earlier stays, and so does a GPU library whose driver does not answer just now.
  const particular = options.library === 'cpu' || options.library === 'gpu';
  return !particular && (stamp.library === 'custom' || stamp.library === 'gpu') ? stamp : undefined;
}

function sameSource(stamp: Stamp, from: string, cwd = process.cwd()): boolean {
  return stamp.source === (from === 'python' ? from : resolve(cwd, from));
}

/** An addon that the package's own installer brought, and that works, is left alone; `deps/lib` is a real folder then. */
async function adoptForeign(target: TfjsPackage, { options, env }: SourceContext): Promise<Stamp | undefined> {
  const asked = options.force || options.from !== undefined || (options.library !== undefined && options.library !== 'auto');
  if (asked || (await isLink(target.link)) !== false || (await isLink(target.addon)) === undefined) return undefined;
  const found = await probe(target.dir, { env, signal: options.signal });
  if (!found.works) return undefined;
  const stamp = await makeStamp(target, { source: 'foreign', library: 'custom' }, await realpath(target.link), found.tensorflow, 'unknown');
  await writingTo('package', target.dir, () => writeStamp(target, stamp));
  return stamp;
}

async function build(
  target: TfjsPackage,
  library: LibraryFolder & Origin,
  compiler: Tool,
  { options, env, onProgress }: SourceContext,
): Promise<{ stamp: Stamp; device: 'cpu' | 'gpu' }> {
  const signal = options.signal ?? new AbortController().signal;
  await removeLeftovers(target);
  onProgress({ phase: 'compile', message: `compiling the addon with ${compiler.command}` });
  const compiled = await compileAddon(target, library, { compiler, env, signal });
  const before = readStamp(target);
  // From here to the end the package is in no proven state.
  await rm(target.stamp, { force: true });
  const giveBack = await placeAddon(target, library, compiled);
  try {
    onProgress({ phase: 'verify', message: 'training a small convolution with it' });
    const found = await probe(target.dir, { env, signal });
    if (!found.works) throw failure(found, library);
    onProgress({ phase: 'compile', message: `compiling the training kernels with ${compiler.command}` });
    const kernels = await installKernels(target, library, { compiler, env, signal });
    const stamp = { ...(await makeStamp(target, library, library.dir, found.tensorflow, compiler.version)), kernels };
    await writeStamp(target, stamp);
    return { stamp, device: found.device };
  } catch (error) {
    await giveBack();
    if (before !== undefined) await writeStamp(target, before);
    throw error;
  } finally {
    await removeLeftovers(target);
  }
}

function failure(found: Probe & { works: false }, library: Origin) {
  return found.illegalInstruction ? processorTooOld() : verifyFailed(found.error, library.library);
}

async function makeStamp(target: TfjsPackage, origin: Origin, libraryDir: string, tensorflow: string, compiler: string): Promise<Stamp> {
  return {
    schema: 1,
    source: origin.source,
    library: origin.library,
    tensorflow,
    libraryDir,
    addon: target.addon,
    addonBytes: (await stat(target.addon)).size,
    packageName: target.name,
    packageVersion: target.version,
    compiler,
  };
}

function writeStamp(target: TfjsPackage, stamp: Stamp): Promise<void> {
  return writeFileAtomically(target.stamp, `${JSON.stringify(stamp, undefined, 2)}\n`);
}
