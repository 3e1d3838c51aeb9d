import { ManError } from '@man/base';

const RETRY = 'run `npx man-native install` again: what was downloaded is kept by pip';

/** The machine is none of those TensorFlow publishes a library for. */
export function unsupportedPlatform(found: string, supported: readonly string[]): ManError {
  return new ManError(`expected one of ${supported.join(', ')}, this machine is ${found}`, {
    code: 'MAN_NATIVE_PLATFORM',
    hint: found.startsWith('win32')
      ? 'use WSL 2, or point `--from` at a folder with libtensorflow and its headers'
      : 'build or find libtensorflow for this machine and give its folder with `--from <folder>`',
  });
}

/** No NVIDIA library is published for this machine. */
export function gpuUnsupported(found: string): ManError {
  return new ManError(`the GPU library exists for Linux on x86-64 only, this machine is ${found}`, {
    code: 'MAN_NATIVE_GPU_PLATFORM',
    hint: 'use `--library cpu`',
  });
}

/** Neither tfjs-node package can be resolved. */
export function packageNotFound(where: string): ManError {
  return new ManError(`expected @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node, found neither from ${where}`, {
    code: 'MAN_NATIVE_NO_PACKAGE',
    hint: '`npm install --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0`, or name its folder with --package-dir',
  });
}

/** The folder is not a package whose addon this tool can build. */
export function packageUnsupported(dir: string, why: string): ManError {
  return new ManError(`cannot build the addon of the package in ${dir}: ${why}`, {
    code: 'MAN_NATIVE_PACKAGE',
    hint: '`npm install --ignore-scripts @tensorflow/tfjs-node-gpu@4.22.0`',
  });
}

/** No Python 3 answers. */
export function noPython(tried: readonly string[], command: string): ManError {
  return new ManError(`expected Python 3 (tried ${tried.join(', ')}), none answers`, {
    code: 'MAN_NATIVE_NO_PYTHON',
    hint: `\`${command}\`, name one with the environment variable PYTHON, or use \`--from <folder>\`, which needs none`,
  });
}

/** Python is there, pip is not. */
export function noPip(python: string, command: string): ManError {
  return new ManError(`${python} has no pip, and no pip3 or pip is on PATH`, {
    code: 'MAN_NATIVE_NO_PIP',
    hint: `\`${command}\` or \`${python} -m ensurepip --user\`; or fetch the wheel elsewhere and use \`--from <wheel>\``,
  });
}

/** No C++ compiler answers. */
export function noCompiler(tried: readonly string[], command: string): ManError {
  return new ManError(`expected a C++ compiler (tried ${tried.join(', ')}), none answers`, {
    code: 'MAN_NATIVE_NO_COMPILER',
    hint: `\`${command}\`, or name one with the environment variable CXX`,
  });
}

/** The compiler ended with an error. */
export function compileFailed(compiler: string, output: string): ManError {
  return new ManError(`${compiler} could not compile the addon:\n${tail(output)}`, {
    code: 'MAN_NATIVE_COMPILE',
    hint: 'a whole tool chain for C++17 is needed (g++ 9 or clang 9 at least); name another compiler with CXX',
  });
}

/** What pip received is not what is pinned here. */
export function hashMismatch(output: string): ManError {
  return new ManError(`a downloaded file is not the one expected (its sha256 differs); it was thrown away\n${tail(output, 6)}`, {
    code: 'MAN_NATIVE_HASH',
    hint: '`python3 -m pip cache purge` and try again; if it stays, the package index or proxy in use serves altered files',
  });
}

/** The package index does not have the pinned file. */
export function wheelNotFound(requirement: string, output: string): ManError {
  return new ManError(`the package index in use does not offer ${requirement}, or pip could not reach it\n${tail(output, 4)}`, {
    code: 'MAN_NATIVE_WHEEL_NOT_FOUND',
    hint: 'check the network and `python3 -m pip config list` (an index of your own?), upgrade a very old pip, or use `--from <wheel>`',
  });
}

/** pip could not reach its index. */
export function offline(output: string): ManError {
  return new ManError(`pip could not reach the package index\n${tail(output, 4)}`, {
    code: 'MAN_NATIVE_OFFLINE',
    hint: 'check network and proxy (HTTPS_PROXY), or fetch the wheel elsewhere and use `--from <wheel>`',
  });
}

/** pip ended with an error that is none of the known ones. */
export function pipFailed(exit: string, output: string): ManError {
  return new ManError(`pip download ended with ${exit}\n${tail(output)}`, { code: 'MAN_NATIVE_PIP', hint: RETRY });
}

/** `--from` names something that is not there. */
export function fromNotFound(from: string): ManError {
  return new ManError(`expected a wheel, a folder or the word "python" after --from, got ${JSON.stringify(from)}, which does not exist`, {
    code: 'MAN_NATIVE_FROM',
    hint: 'give the path of a .whl file, of a folder that holds libtensorflow_cc, or `--from python`',
  });
}

/** `--from python`, and that Python has no TensorFlow. */
export function noPythonTensorFlow(python: string, detail: string): ManError {
  return new ManError(`${python} has no TensorFlow that can be linked: ${detail}`, {
    code: 'MAN_NATIVE_NO_PYTHON_TENSORFLOW',
    hint: 'activate the environment that has it (or set PYTHON), or leave --from out to download the library',
  });
}

/** A folder or wheel without the TensorFlow library in it. */
export function noLibraryIn(where: string, expected: readonly string[]): ManError {
  return new ManError(`expected ${expected.join(' or ')} in ${where}, found none`, {
    code: 'MAN_NATIVE_NO_LIBRARY',
    hint: 'give a wheel of tensorflow or tensorflow-cpu, or the folder it was unpacked to',
  });
}

/** A library without the C headers the addon is compiled with. */
export function noHeaders(where: string): ManError {
  return new ManError(`the TensorFlow library in ${where} comes without include/tensorflow/c/c_api.h`, {
    code: 'MAN_NATIVE_NO_HEADERS',
    hint: 'unpack the whole wheel: the folder "include" belongs beside the library',
  });
}

/** A wheel file that is not one, or is cut off. */
export function wheelBroken(wheel: string, detail: string): ManError {
  return new ManError(`cannot unpack ${wheel}: ${detail}`, {
    code: 'MAN_NATIVE_WHEEL',
    hint: 'the file is incomplete or no wheel: fetch it again',
  });
}

/** A wheel made for another machine. */
export function wheelPlatform(wheel: string, machine: string): ManError {
  return new ManError(`the wheel ${wheel} is not made for this machine (${machine})`, {
    code: 'MAN_NATIVE_WHEEL_PLATFORM',
    hint: 'fetch the wheel on a machine of the same kind, or with `pip download --platform`',
  });
}

/** Not enough room. `needed` and `free` in bytes. */
export function diskFull(where: string, needed?: number, free?: number, cause?: unknown): ManError {
  const room = needed === undefined || free === undefined ? '' : `: ${megabytes(needed)} needed, ${megabytes(free)} free`;
  return new ManError(`no room left on the disk of ${where}${room}`, {
    code: 'MAN_NATIVE_DISK_FULL',
    hint: 'make room, or put the cache elsewhere with MAN_NATIVE_CACHE=<folder>',
    cause,
  });
}

/** The cache folder cannot be written. */
export function cacheNotWritable(where: string, cause: unknown): ManError {
  return new ManError(`cannot write to the cache folder ${where} (${reason(cause)})`, {
    code: 'MAN_NATIVE_CACHE_NOT_WRITABLE',
    hint: 'choose another one with MAN_NATIVE_CACHE=<folder>',
    cause,
  });
}

/** The tfjs-node package folder cannot be written. */
export function packageNotWritable(where: string, cause: unknown): ManError {
  return new ManError(`cannot write to the package folder ${where} (${reason(cause)})`, {
    code: 'MAN_NATIVE_PACKAGE_NOT_WRITABLE',
    hint: 'run as the user who installed the npm packages, or install them in a folder of your own',
    cause,
  });
}

/** The addon was built but does not train. */
export function verifyFailed(detail: string, library: 'cpu' | 'gpu' | 'custom'): ManError {
  return new ManError(`the addon was compiled but does not train:\n${tail(detail)}`, {
    code: 'MAN_NATIVE_VERIFY',
    hint: library === 'cpu' ? '`npx man-native doctor` says what is found' : 'try the CPU library: `npx man-native install --library cpu`',
  });
}

/** The processor lacks instructions TensorFlow is compiled with. */
export function processorTooOld(): ManError {
  return new ManError('TensorFlow stopped with an illegal instruction: this processor (or virtual machine) lacks AVX', {
    code: 'MAN_NATIVE_PROCESSOR',
    hint: 'run on another machine, switch AVX on for the virtual machine, or give your own build with `--from <folder>`',
  });
}

/** The lock was lost, so another run may be writing too. */
export function lockLost(where: string, cause: unknown): ManError {
  return new ManError(`lost the lock on ${where}: this process was stopped for too long (sleep, debugger)`, {
    code: 'MAN_NATIVE_LOCK_LOST',
    hint: RETRY,
    cause,
  });
}

/** Ctrl-C, or the caller's signal. */
export function cancelled(): ManError {
  return new ManError('stopped before it was finished; nothing half-done was left behind', { code: 'MAN_NATIVE_CANCELLED', hint: RETRY });
}

/** Options that contradict each other or do not exist. */
export function badOption(message: string, hint: string): ManError {
  return new ManError(message, { code: 'MAN_NATIVE_OPTION', hint });
}

/** There is no library to name. */
export function notInstalled(reason: string): ManError {
  return new ManError(`no library is installed: ${reason}`, { code: 'MAN_NATIVE_NOT_INSTALLED', hint: '`npx man-native install`' });
}

function tail(output: string, lines = 20): string {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}

function reason(cause: unknown): string {
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? String(cause);
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
