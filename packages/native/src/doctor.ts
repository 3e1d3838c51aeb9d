import { existsSync, readlinkSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isManError } from '@man/base';
import { cachedKeys } from './cache.ts';
import { findCompiler, findPip, findPython, nvidiaDevices } from './find-tools.ts';
import { probeKernels } from './kernels-probe.ts';
import { cacheRoot, compilerCommand, glibcVersion, pipCommand, platformName } from './platform.ts';
import { type Probe, probe } from './probe.ts';
import { hasLibrary, readStamp, whatChanged } from './status.ts';
import { findPackage, type TfjsPackage } from './tfjs-package.ts';
import type { LocateOptions } from './types.ts';
import { SUPPORTED_PLATFORMS } from './wheels.ts';

/** `missing`: training does not work without it; `absent`: only needed to install, or to go faster. */
export type CheckState = 'ok' | 'absent' | 'missing';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly state: CheckState;
  /** What was found, in words. */
  readonly found: string;
  /** The command that mends it. */
  readonly fix?: string;
}

/** What {@link doctor} found. */
export interface Diagnosis {
  /** Whether a child process just trained with the addon. */
  readonly works: boolean;
  readonly checks: readonly Check[];
  /** What really ran; `undefined` when there was nothing to run. */
  readonly probe: Probe | undefined;
}

/** Options of {@link doctor}. */
export interface DoctorOptions extends LocateOptions {
  readonly signal?: AbortSignal;
}

const INSTALL = 'npx man-native install';
const INSTALL_PACKAGE = 'npm install --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0';

/**
 * Looks at everything native TensorFlow needs and trains a small convolution in a child process; throws for nothing that is missing.
 *
 * @throws MAN_NATIVE_CANCELLED
 * @example
 * ```ts
 * import { doctor } from '@man/native';
 *
 * const { works, checks } = await doctor();
 * if (!works) console.log(checks.filter((check) => check.state === 'missing').map((check) => check.fix));
 * ```
 */
export async function doctor(options: DoctorOptions = {}): Promise<Diagnosis> {
  const env = options.env ?? process.env;
  const where = { env, signal: options.signal };
  const target = attempt(() => findPackage(options));
  const found = typeof target === 'string' ? undefined : target;
  const built = found !== undefined && existsSync(found.addon);
  const ran = built ? await probe(found.dir, where) : undefined;
  const works = ran?.works === true;
  const checks = [
    checkNode(),
    checkPlatform(works),
    packageCheck(target),
    ...(found === undefined ? [] : [libraryCheck(found), addonCheck(found), await kernelsCheck(found, { env, signal: options.signal })]),
    ...(ran === undefined ? [] : engineChecks(ran, env)),
    await gpuCheck(ran, where),
    ...(await toolChecks(where)),
    await cacheCheck(cacheRoot(options.cacheDir, env)),
  ];
  return { works, checks, probe: ran };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 19);
  const found = `${process.version}, N-API ${process.versions.napi}`;
  return good
    ? { name: 'Node.js', state: 'ok', found }
    : { name: 'Node.js', state: 'missing', found, fix: 'install Node.js 20.19 or newer' };
}

function checkPlatform(works: boolean): Check {
  const platform = platformName();
  const glibc = glibcVersion();
  const found = glibc === undefined ? platform : `${platform}, glibc ${glibc}`;
  if (works || SUPPORTED_PLATFORMS.includes(platform)) return { name: 'platform', state: 'ok', found };
  return { name: 'platform', state: 'absent', found: `${found}: no library is published for it`, fix: `${INSTALL} --from <folder>` };
}

function packageCheck(target: TfjsPackage | string): Check {
  const name = 'npm package';
  if (typeof target === 'string') return { name, state: 'missing', found: target, fix: INSTALL_PACKAGE };
  return { name, state: 'ok', found: `${target.name} ${target.version} in ${target.dir}` };
}

function libraryCheck(target: TfjsPackage): Check {
  const name = 'library';
  if (hasLibrary(target.link)) return { name, state: 'ok', found: `${target.link} → ${linkTarget(target.link)}` };
  const lost = linkTarget(target.link);
  if (lost !== undefined)
    return { name, state: 'missing', found: `the link ${target.link} leads to ${lost}, where there is none`, fix: INSTALL };
  // An addon of another making may bring its library elsewhere; whether it runs is what the engine check says.
  return { name, state: existsSync(target.addon) ? 'absent' : 'missing', found: `none in ${target.link}`, fix: INSTALL };
}

function addonCheck(target: TfjsPackage): Check {
  const name = 'addon';
  if (!existsSync(target.addon)) return { name, state: 'missing', found: `none at ${target.addon}`, fix: INSTALL };
  const stamp = readStamp(target);
  const changed = stamp === undefined ? 'not installed by this tool' : whatChanged(target, stamp);
  const origin =
    stamp === undefined || changed !== '' ? changed : `from ${stamp.source} (${stamp.library}), compiled with ${stamp.compiler}`;
  return { name, state: 'ok', found: `${target.addon}; ${origin}` };
}

/** The training kernels of this project, compared with TensorFlow's just now. */
async function kernelsCheck(target: TfjsPackage, where: Where): Promise<Check> {
  const name = 'kernels';
  const stamp = readStamp(target)?.kernels;
  const absent = (found: string): Check => ({
    name,
    state: 'absent',
    found: `${found}: TensorFlow's own are used, slower`,
    fix: `${INSTALL} --force`,
  });
  if (stamp?.file === undefined) return absent(stamp?.reason ?? 'none');
  if (!existsSync(stamp.file)) return absent('missing');
  const found = await probeKernels(target.dir, stamp.file, where);
  if ('reason' in found) return absent(found.reason);
  return { name, state: 'ok', found: `${stamp.file}; ${found.instructions}, ${found.threads} threads, agree with TensorFlow` };
}

function engineChecks(ran: Probe, env: Readonly<NodeJS.ProcessEnv>): Check[] {
  if (!ran.works) {
    const fix = ran.illegalInstruction ? 'use a machine whose processor has AVX' : `${INSTALL} --force`;
    return [{ name: 'engine', state: 'missing', found: ran.error, fix }];
  }
  const threads = ran.threads === undefined ? 'threads unknown' : `${ran.threads} threads`;
  const oneDnn = ran.oneDnn ? `computes convolutions (${ran.instructions ?? 'instruction set unknown'})` : 'off';
  return [
    { name: 'engine', state: 'ok', found: `TensorFlow ${ran.tensorflow} trains on the ${ran.device}, ${threads}` },
    ...(ran.device === 'gpu' ? [] : [oneDnnCheck(ran.oneDnn, oneDnn, env)]),
  ];
}

/** TensorFlow leaves oneDNN off where a processor lacks AVX-512; its own convolutions are slower, those of our kernels do not need it. */
function oneDnnCheck(on: boolean, found: string, env: Readonly<NodeJS.ProcessEnv>): Check {
  const name = 'oneDNN';
  if (on) return { name, state: 'ok', found };
  if (env.TF_ENABLE_ONEDNN_OPTS === undefined) return { name, state: 'absent', found: 'off, as TensorFlow decides for this processor' };
  return { name, state: 'absent', found: `off: TF_ENABLE_ONEDNN_OPTS is ${env.TF_ENABLE_ONEDNN_OPTS}`, fix: 'unset TF_ENABLE_ONEDNN_OPTS' };
}

async function gpuCheck(ran: Probe | undefined, where: Where): Promise<Check> {
  const name = 'NVIDIA driver';
  const devices = await nvidiaDevices(where);
  if (devices.length === 0) return { name, state: 'absent', found: 'none answers (nvidia-smi): the CPU is used' };
  const found = devices.join('; ');
  const used = ran?.works === true && ran.device === 'gpu';
  return used ? { name, state: 'ok', found } : { name, state: 'absent', found: `${found}: not used`, fix: `${INSTALL} --library gpu` };
}

type Where = Parameters<typeof findPython>[0];

async function toolChecks(where: Where): Promise<Check[]> {
  const python = await attempt(() => findPython(where));
  const pip = typeof python === 'string' ? 'not looked for without Python' : await attempt(() => findPip(python, where));
  const compiler = await attempt(() => findCompiler(where));
  const check = (name: string, tool: Awaited<typeof compiler>, fix: string): Check =>
    typeof tool === 'string'
      ? { name, state: 'absent', found: `${tool} (needed to install only)`, fix }
      : { name, state: 'ok', found: `${[tool.command, ...tool.args].join(' ')}: ${tool.version}` };
  return [check('compiler', compiler, compilerCommand()), check('Python', python, pipCommand()), check('pip', pip, pipCommand())];
}

async function cacheCheck(root: string): Promise<Check> {
  const keys = await cachedKeys(root);
  if (keys.length === 0) return { name: 'cache', state: 'ok', found: `${root}, empty` };
  return { name: 'cache', state: 'ok', found: `${root}, ${Math.round((await folderBytes(root)) / 1e6)} MB: ${keys.join(', ')}` };
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return existsSync(path) ? path : undefined;
  }
}

/** The result, or the message of what is missing. */
function attempt<T>(look: () => Promise<T>): Promise<T | string>;
function attempt<T>(look: () => T): T | string;
function attempt<T>(look: () => T | Promise<T>): T | string | Promise<T | string> {
  const message = (error: unknown): string => {
    if (isManError(error) && error.code !== 'MAN_NATIVE_CANCELLED') return error.message;
    throw error;
  };
  try {
    const result = look();
    return result instanceof Promise ? result.catch(message) : result;
  } catch (error) {
    return message(error);
  }
}
