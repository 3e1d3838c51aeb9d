import * as tf from '@tensorflow/tfjs';
import { engineUnavailable, unknownEngine } from './errors.ts';

/** What calculates: TensorFlow's native library, WebAssembly, or plain JavaScript. */
export type EngineName = 'tensorflow' | 'wasm' | 'cpu';

/** What {@link useEngine} started. */
export interface Engine {
  readonly name: EngineName;
  /** `cpu` or `gpu`. */
  readonly device: 'cpu' | 'gpu';
  /** One line for people: what runs, where, and how to get a faster one where there is. */
  readonly message: string;
}

const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const WASM_PACKAGE = '@tensorflow/tfjs-backend-wasm';

/**
 * Starts an engine and makes it the one tfjs uses: `'auto'` takes TensorFlow where its native library is provisioned
 * (see `@man/native`), else WebAssembly. Calling again switches.
 *
 * @throws MAN_OPS_ENGINE_UNAVAILABLE when the engine that was asked for does not start
 * @throws MAN_OPS_UNKNOWN_ENGINE
 * @example
 * ```ts
 * const engine = await useEngine('auto');
 * process.stderr.write(`${engine.message}\n`);
 * ```
 */
export async function useEngine(name: EngineName | 'auto' = 'auto'): Promise<Engine> {
  if (name === 'tensorflow') return startTensorFlow();
  if (name === 'wasm') return startWasm('as asked');
  if (name === 'cpu') return startCpu();
  if (name !== 'auto') throw unknownEngine(name);
  try {
    return await startTensorFlow();
  } catch (error) {
    return startWasm(`TensorFlow did not start: ${firstLine(error)}; for the fast engine run: npx man-native install`);
  }
}

async function startTensorFlow(): Promise<Engine> {
  if (tf.findBackend('tensorflow') === null) await loadNative();
  await start('tensorflow');
  const isGpu = (tf.backend() as unknown as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  const device = isGpu ? 'gpu' : 'cpu';
  return { name: 'tensorflow', device, message: `engine: TensorFlow (native library) on the ${device.toUpperCase()}` };
}

async function loadNative(): Promise<void> {
  const { process } = globalThis as { process?: { env: Record<string, string | undefined> } };
  if (process === undefined) throw engineUnavailable('tensorflow', 'no Node.js around it', undefined);
  // Both are read once, when the library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  await restoreRemovedUtilities();
  const failures: string[] = [];
  for (const name of NATIVE_PACKAGES) {
    try {
      await load(name);
      return;
    } catch (error) {
      failures.push(firstLine(error));
    }
  }
  throw engineUnavailable('tensorflow', failures[0] ?? 'no reason', failures.join('; '));
}

/** tfjs-node 4.22 calls two functions that Node 23 removed. */
async function restoreRemovedUtilities(): Promise<void> {
  const specifier = 'node:util';
  const util = ((await import(/* @vite-ignore */ specifier)) as { default: Record<string, unknown> }).default;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/** Imports an optional package: from here, else from the program's own folder (package managers that do not hoist). */
async function load(name: string): Promise<unknown> {
  try {
    return await import(/* @vite-ignore */ name);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const specifier = 'node:module';
    const { createRequire } = (await import(/* @vite-ignore */ specifier)) as { createRequire(from: string): (name: string) => unknown };
    const { process } = globalThis as unknown as { process: { cwd(): string } };
    return createRequire(`${process.cwd()}/`)(name);
  }
}

async function startWasm(why: string): Promise<Engine> {
  try {
    if (tf.findBackend('wasm') === null) await load(WASM_PACKAGE);
  } catch (error) {
    throw engineUnavailable('wasm', firstLine(error), error);
  }
  await start('wasm');
  return { name: 'wasm', device: 'cpu', message: `engine: WebAssembly, one thread (${why})` };
}

async function startCpu(): Promise<Engine> {
  await start('cpu');
  return { name: 'cpu', device: 'cpu', message: 'engine: plain JavaScript, for tiny shapes only' };
}

async function start(name: EngineName): Promise<void> {
  const started = await tf.setBackend(name);
  if (!started) throw engineUnavailable(name, 'tfjs could not initialise it', undefined);
  await tf.ready();
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.trim() ?? 'unknown';
}
