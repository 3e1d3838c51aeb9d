import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameworkName, libraryNames } from './platform.ts';

/** A temporary machine for tests: an npm package and tools that do what is asked of them, and nothing else on PATH. */
export interface FakeMachine {
  readonly dir: string;
  readonly packageDir: string;
  readonly cacheDir: string;
  /** Environment with only the fake tools; `faults` say how they behave. */
  env(faults?: Readonly<Record<string, string>>): NodeJS.ProcessEnv;
  /** The tool calls so far, one a line: name and arguments. */
  calls(): string[];
  hide(tool: string): void;
  /** What is in the cache folder. */
  cache(): string[];
  /** Everything temporary or locked that is left in cache and package. */
  leftovers(): string[];
  dispose(): void;
}

/** FAKE_PIP: hash, offline, nomatch, nospace, fail, hang, slow, short, nopip. FAKE_UNPACK: bad, nospace, empty, hang. */
const PYTHON = `
die() { echo "$1" >&2; exit "$2"; }
pip() {
  echo half > "$TMPDIR/part"
  case "$FAKE_PIP" in
    hash) die 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.' 1 ;;
    offline) die 'Max retries exceeded: Temporary failure in name resolution
ERROR: No matching distribution found for x' 1 ;;
    nomatch) die 'ERROR: No matching distribution found for tensorflow-cpu==1' 1 ;;
    nospace) die 'OSError: [Errno 28] No space left on device' 1 ;;
    fail) die 'something else' 1 ;;
    hang) sleep 30 ;;
    slow) sleep 0.6 ;;
    short) exit 0 ;;
  esac
  for last; do :; done
  while [ "$1" != -r ]; do shift; done
  while IFS== read -r name rest; do echo wheel > "$last/$name-1.whl"; done < "$2"
}
unpack() {
  case "$FAKE_UNPACK" in
    bad) die 'failed BAD File is not a zip file' 3 ;;
    nospace) die 'failed ENOSPC no space' 3 ;;
    empty) exit 0 ;;
  esac
  mkdir -p "$1/tensorflow/include/tensorflow/c"
  : > "$1/tensorflow/include/tensorflow/c/c_api.h"
  echo progress 1 2
  if [ "$FAKE_UNPACK" = hang ]; then sleep 30; fi
  for name in $FAKE_LIBRARIES; do echo library > "$1/tensorflow/$name"; done
  echo progress 2 2
}
case "$1 $2 $3" in
  --version*) echo 'Python 3.11.7' ;;
  '-m pip '*)
    if [ "$FAKE_PIP" = nopip ]; then die 'No module named pip' 1; fi
    if [ "$3" = --version ]; then echo 'pip 23.2.1 from somewhere (python 3.11)'; else pip "$@"; fi ;;
  '-I -c '*) unpack "$5" ;;
  -c*) if [ -n "$FAKE_TENSORFLOW" ]; then echo "$FAKE_TENSORFLOW"; else die 'no module named tensorflow' 1; fi ;;
esac
`;

/** FAKE_CXX: error, broken (an addon that does not load), useless (one that does not learn), illegal (an instruction nobody knows). */
const COMPILER = `
if [ "$1" = --version ]; then echo 'g++ (fake) 12'; exit 0; fi
if [ "$FAKE_CXX" = error ]; then echo 'tfjs_backend.cc:1: error: no' >&2; exit 1; fi
while [ "$1" != -o ]; do shift; done
printf %s "\${FAKE_CXX:-good}" > "$2"
`;

/** Stands for tfjs-node: what its addon file says decides how it behaves. */
const PACKAGE = `
const kind = require('node:fs').readFileSync(__dirname + '/lib/napi-v8/tfjs_binding.node', 'utf8');
if (kind === 'broken') throw new Error('libtensorflow_cc.so.2: cannot open shared object file');
if (kind === 'illegal') process.kill(process.pid, 'SIGILL');
let loss = 2;
module.exports = {
  variable: (x) => x, fill: () => 0, ones: () => 0,
  train: { sgd: () => ({ minimize: () => ({ dataSync: () => [kind === 'useless' ? 1 : --loss] }) }) },
  getBackend: () => 'tensorflow', backend: () => ({ isUsingGpuDevice: false, binding: { TF_Version: '2.21.0' } }),
};
process.stdout.write('onednn_verbose,info,cpu,runtime:threadpool,nthr:3\\nonednn_verbose,primitive,exec,cpu,convolution,x\\n');
`;

/** A fresh {@link FakeMachine}; every tool is there and works. */
export function fakeMachine(): FakeMachine {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'man-native-')));
  const bin = join(dir, 'bin');
  const packageDir = join(dir, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
  const cacheDir = join(dir, 'cache');
  const log = join(dir, 'calls.log');
  mkdirSync(bin);
  writeFileSync(log, '');
  for (const [name, body] of [
    ['python3', PYTHON],
    ['g++', COMPILER],
  ] as const) {
    // Their own PATH, so that ours can hold nothing but them; a call is one line of the log.
    const record = `PATH=/usr/bin:/bin\nprintf '%.200s\\n' "$(echo ${name} "$@" | tr '\\n' ' ')" >> '${log}'\n`;
    writeFileSync(join(bin, name), `#!/bin/sh\n${record}${body}`);
    chmodSync(join(bin, name), 0o755);
  }
  makePackage(packageDir);
  const list = (folder: string): string[] => {
    try {
      return readdirSync(folder, { recursive: true }) as string[];
    } catch {
      return [];
    }
  };
  return {
    dir,
    packageDir,
    cacheDir,
    env: (faults = {}) => ({ PATH: bin, HOME: dir, FAKE_LIBRARIES: `${libraryNames()[0]} ${frameworkName()}`, ...faults }),
    calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    hide: (tool) => rmSync(join(bin, tool)),
    cache: () => list(cacheDir).filter((name) => !name.includes('/')),
    leftovers: () => [...list(cacheDir), ...list(packageDir)].filter((name) => /\.tmp-|\.lock$/.test(name)),
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function makePackage(dir: string): void {
  mkdirSync(join(dir, 'binding'), { recursive: true });
  writeFileSync(join(dir, 'binding', 'tfjs_backend.cc'), '');
  writeFileSync(join(dir, 'index.js'), PACKAGE);
  const manifest = { name: '@tensorflow/tfjs-node-gpu', version: '4.22.0', main: 'index.js', binary: { napi_versions: [3, 8] } };
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest));
}
