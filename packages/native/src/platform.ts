import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Node's name of this machine: `<os>-<arch>`, with `-musl` where there is no glibc. */
export function platformName(): string {
  const musl = process.platform === 'linux' && glibcVersion() === undefined;
  return `${process.platform}-${process.arch}${musl ? '-musl' : ''}`;
}

/** The running glibc, `undefined` outside Linux and on musl. */
export function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const settings = process.report as { excludeNetwork?: boolean };
  const before = settings.excludeNetwork;
  // Without this the report looks up the names of all network peers.
  settings.excludeNetwork = true;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  if (before !== undefined) settings.excludeNetwork = before;
  return report.header?.glibcVersionRuntime;
}

/** File names the library may have here: the wheel's first, then that of TensorFlow's own C archive. */
export function libraryNames(platform: NodeJS.Platform = process.platform): readonly [string, string] {
  return platform === 'darwin' ? ['libtensorflow_cc.2.dylib', 'libtensorflow.2.dylib'] : ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
}

/** The file every libtensorflow needs beside it. */
export function frameworkName(platform: NodeJS.Platform = process.platform): string {
  return platform === 'darwin' ? 'libtensorflow_framework.2.dylib' : 'libtensorflow_framework.so.2';
}

/** The cache folder: given, else `MAN_NATIVE_CACHE`, else the user's cache folder. */
export function cacheRoot(given: string | undefined, env: Readonly<NodeJS.ProcessEnv>): string {
  if (given !== undefined) return resolve(given);
  if (env.MAN_NATIVE_CACHE) return resolve(env.MAN_NATIVE_CACHE);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'man-native');
  return env.XDG_CACHE_HOME ? join(resolve(env.XDG_CACHE_HOME), 'man-native') : join(env.HOME || homedir(), '.cache', 'man-native');
}

/** The command that installs a C++ compiler on this system. */
export function compilerCommand(): string {
  if (process.platform === 'darwin') return 'xcode-select --install';
  return packageCommand({ apt: 'g++', dnf: 'gcc-c++', zypper: 'gcc-c++', pacman: 'gcc' });
}

/** The command that installs Python 3 and pip on this system. */
export function pipCommand(): string {
  if (process.platform === 'darwin') return 'brew install python';
  return packageCommand({ apt: 'python3-pip', dnf: 'python3-pip', zypper: 'python3-pip', pacman: 'python-pip' });
}

function packageCommand(names: { apt: string; dnf: string; zypper: string; pacman: string }): string {
  const release = readIfThere('/etc/os-release');
  const family = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].map((match) => match[1]).join(' ');
  if (/fedora|rhel|centos|amzn/.test(family)) return `sudo dnf install -y ${names.dnf}`;
  if (/suse/.test(family)) return `sudo zypper install -y ${names.zypper}`;
  if (/arch/.test(family)) return `sudo pacman -S --needed ${names.pacman}`;
  return `sudo apt-get install -y ${names.apt}`;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
