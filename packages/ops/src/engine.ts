import * as tf from '@tensorflow/tfjs';
import { engineUnavailable, unknownEngine, unknownKernels } from './errors.ts';
import { type KernelForm, setKernelForm } from './kernel.ts';
import { type KernelSearch, loadNativeKernels, loadQuietly, nothing } from './native-kernels.ts';
import './wasm-kernels.ts';

/** What calculates: TensorFlow's native library, WebAssembly, or plain JavaScript. */
export type EngineName = 'tensorflow' | 'wasm' | 'cpu';

/** What {@link useEngine} started. */
export interface Engine {
  readonly name: EngineName;
  /** `cpu` or `gpu`. */
  readonly device: 'cpu' | 'gpu';
  /** Whose kernels compute; `reference` is the plain composition of stock operations that other engines run too. */
  readonly kernels: KernelForm;
  /** One line for people: what runs, where, and how to get a faster one where there is. */
  readonly message: string;
}

export interface EngineOptions {
  /**
   * On TensorFlow: `'native'` takes the kernels that `man-native install` compiled, `'tensorflow'` those of the library, `'reference'`
   * composes stock operations, slowly, to compare with. Default: the environment variable MAN_OPS, else native where they are
   * installed and the device is a CPU.
   */
  readonly kernels?: KernelForm;
}

const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const WASM_PACKAGE = '@tensorflow/tfjs-backend-wasm';

/**
 * Starts an engine and makes it the one tfjs uses: `'auto'` takes TensorFlow where its native library is provisioned
 * (see `@man/native`), else WebAssembly. Calling again switches.
 *
 * @throws MAN_OPS_ENGINE_UNAVAILABLE when the engine, or the kernels, that were asked for do not start
 * @throws MAN_OPS_UNKNOWN_ENGINE
 * @example
 * ```ts
 * const engine = await useEngine('auto');
 * process.stderr.write(`${engine.message}\n`);
 * ```
 */
export async function useEngine(name: EngineName | 'auto' = 'auto', options: EngineOptions = {}): Promise<Engine> {
  const asked = options.kernels ?? askedKernels();
  if (name === 'tensorflow') return startTensorFlow(asked);
  if (name === 'wasm') return startWasm('as asked');
  if (name === 'cpu') return startCpu();
  if (name !== 'auto') throw unknownEngine(name);
  try {
    return await startTensorFlow(asked);
  } catch (error) {
    return startWasm(`TensorFlow did not start: ${firstLine(error)}; for the fast engine run: npx man-native install`);
  }
}

const FORMS: readonly string[] = ['native', 'tensorflow', 'reference'] satisfies KernelForm[];

/** What MAN_OPS asks for. */
function askedKernels(): KernelForm | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const set = process?.env?.MAN_OPS;
  if (set === undefined || set === '') return undefined;
  if (!FORMS.includes(set)) throw unknownKernels(set, FORMS);
  return set as KernelForm;
}

async function startTensorFlow(asked: KernelForm | undefined): Promise<Engine> {
  if (tf.findBackend('tensorflow') === null) await loadNative();
  await start('tensorflow');
  const isGpu = (tf.backend() as unknown as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  const device = isGpu ? 'gpu' : 'cpu';
  const { form, message } = await chooseKernels(asked, device);
  setKernelForm(form);
  return {
    name: 'tensorflow',
    device,
    kernels: form,
    message: `engine: TensorFlow (native library) on the ${device.toUpperCase()}, ${message}`,
  };
}

/** Native kernels where they are there, for they compute on the CPU; else those of TensorFlow. */
async function chooseKernels(asked: KernelForm | undefined, device: 'cpu' | 'gpu'): Promise<{ form: KernelForm; message: string }> {
  if (asked === 'reference') return { form: 'reference', message: 'composed reference kernels' };
  const own = "TensorFlow's kernels";
  if (asked === 'tensorflow') return { form: 'tensorflow', message: own };
  const search: KernelSearch = device === 'gpu' ? { reason: 'for a CPU only' } : loadNativeKernels(NATIVE_PACKAGES, await requires());
  if ('kernels' in search) {
    nothing();
    const { instructions, threads } = search.kernels;
    return { form: 'native', message: `MAN kernels (${instructions}, ${threads} ${threads === 1 ? 'thread' : 'threads'})` };
  }
  if (asked === 'native') throw engineUnavailable('native kernels', search.reason, undefined);
  if (device === 'gpu') return { form: 'tensorflow', message: own };
  return { form: 'tensorflow', message: `${own} (MAN kernels ${search.reason}; for twice the speed run: npx man-native install)` };
}

/** Functions that find packages: from here, then from the program's own folder. */
async function requires(): Promise<((name: string) => unknown)[]> {
  const specifier = 'node:module';
  const { createRequire } = (await import(/* @vite-ignore */ specifier)) as { createRequire(from: string): (name: string) => unknown };
  const { process } = globalThis as unknown as { process: { cwd(): string } };
  return [createRequire((import.meta as unknown as { url: string }).url), createRequire(`${process.cwd()}/`)];
}

async function loadNative(): Promise<void> {
  const { process } = globalThis as { process?: { env: Record<string, string | undefined> } };
  if (process === undefined) throw engineUnavailable('tensorflow', 'no Node.js around it', undefined);
  // Both are read once, when the library is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  await restoreRemovedUtilities();
  const failures: string[] = [];
  const finders = await requires();
  for (const name of NATIVE_PACKAGES) {
    try {
      loadQuietly(name, finders);
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
    const [, fromProgram] = await requires();
    return (fromProgram as (name: string) => unknown)(name);
  }
}

async function startWasm(why: string): Promise<Engine> {
  try {
    if (tf.findBackend('wasm') === null) await load(WASM_PACKAGE);
  } catch (error) {
    throw engineUnavailable('wasm', firstLine(error), error);
  }
  await start('wasm');
  return { name: 'wasm', device: 'cpu', kernels: 'reference', message: `engine: WebAssembly, one thread (${why})` };
}

async function startCpu(): Promise<Engine> {
  await start('cpu');
  return { name: 'cpu', device: 'cpu', kernels: 'reference', message: 'engine: plain JavaScript, for tiny shapes only' };
}

async function start(name: EngineName): Promise<void> {
  const started = await tf.setBackend(name);
  if (!started) throw engineUnavailable(name, 'tfjs could not initialise it', undefined);
  await tf.ready();
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.trim() ?? 'unknown';
}
