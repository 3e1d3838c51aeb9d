import * as tf from '@tensorflow/tfjs';

/** The version of the operations' signatures that this package calls. */
const VERSION = 1;

/** What the compiled module says of itself. */
export interface NativeKernels {
  /** Instruction set it chose: `avx512`, `avx2`, `portable`. */
  readonly instructions: string;
  readonly threads: number;
}

/** Either the kernels or, in half a sentence, why there are none. */
export type KernelSearch = { readonly kernels: NativeKernels } | { readonly reason: string };

/** What `man-native install` leaves beside the addon. */
interface Stamp {
  readonly libraryDir?: string;
  readonly kernels?: { readonly file?: string; readonly reason?: string; readonly quiet?: string };
}

let loaded: NativeKernels | undefined;
/** One for each engine. */
const empties = new WeakMap<object, tf.Tensor>();

/**
 * Loads the kernels that `man-native install` compiled for one of `packages`, which registers their operations with TensorFlow; once.
 *
 * @param requires functions that find packages, in the order in which they are asked
 */
export function loadNativeKernels(packages: readonly string[], requires: readonly ((name: string) => unknown)[]): KernelSearch {
  if (loaded !== undefined) return { kernels: loaded };
  let reason = 'not installed';
  for (const find of requires) {
    for (const name of packages) {
      const stamp = attempt(() => find(`${name}/lib/man-native.json`) as Stamp);
      if (stamp?.kernels === undefined) continue;
      const { file } = stamp.kernels;
      if (file === undefined) {
        reason = `not installed: ${stamp.kernels.reason}`;
        continue;
      }
      try {
        const found = find(file) as NativeKernels & { readonly version: number };
        if (found.version !== VERSION) return { reason: `of version ${found.version}, expected ${VERSION}` };
        loaded = found;
        return { kernels: found };
      } catch (error) {
        reason = (error as Error).message.split('\n')[0] as string;
      }
    }
  }
  return { reason };
}

/**
 * Loads TensorFlow's library before its addon does, with standard error turned away: 2.21 prints notices while it loads that no
 * setting turns off. Does nothing where `man-native` left nothing for it.
 */
export function loadQuietly(name: string, requires: readonly ((name: string) => unknown)[]): void {
  for (const find of requires) {
    const stamp = attempt(() => find(`${name}/lib/man-native.json`) as Stamp);
    const { quiet } = stamp?.kernels ?? {};
    if (quiet === undefined) continue;
    attempt(() => (find(quiet) as { load(library: string): boolean }).load(`${stamp?.libraryDir}/libtensorflow_cc.so.2`));
    return;
  }
}

/** An empty tensor: how an operation is told that an input is not given. Made once, with the engine. */
export function nothing(): tf.Tensor {
  const engine = tf.backend();
  const held = empties.get(engine);
  if (held !== undefined && !held.isDisposed) return held;
  const made = tf.keep(tf.tensor1d([]));
  empties.set(engine, made);
  return made;
}

/** Disposes of this engine's empty tensor. */
export function forgetNothing(): void {
  empties.get(tf.backend())?.dispose();
}

function attempt<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch {
    return undefined;
  }
}
