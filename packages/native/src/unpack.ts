import { basename } from 'node:path';
import { diskFull, noLibraryIn, wheelBroken } from './errors.ts';
import { lastingPart } from './files.ts';
import type { Tool } from './find-tools.ts';
import { libraryNames } from './platform.ts';
import { runTool } from './run-tool.ts';
import type { InstallProgress } from './types.ts';

/** What of the wheels is needed: the libraries, the C headers the addon includes, CUDA's libraries and tools, and the licences. */
const WANTED = [
  String.raw`tensorflow/libtensorflow_(cc|framework)\.(so\.2|2\.dylib)`,
  String.raw`tensorflow/THIRD_PARTY_NOTICES\.txt`,
  'tensorflow/include/LICENSE',
  String.raw`tensorflow/include/(tensorflow/(c|core/platform)|(tensorflow/|tensorflow/compiler/xla/|xla/)?tsl)/.*\.h`,
  String.raw`nvidia/[^/]+/lib/[^/]+\.so[^/]*`,
  'nvidia/cuda_nvcc/(bin/ptxas|nvvm/libdevice/.*)',
  String.raw`nvidia_[^/]+\.dist-info/(licenses/)?[Ll]icense.*`,
].join('|');

/**
 * Python, because wheels are zip files and Python, needed for pip anyway, reads and checks them (CRC) itself. TensorFlow searches `$ORIGIN`
 * for every library but the CUDA folders only for some, so each CUDA library gets a link beside libtensorflow.
 */
const SCRIPT = `
import errno, os, re, sys, zipfile
wanted, target = re.compile(sys.argv[1]), os.path.abspath(sys.argv[2])
def unpack():
    archives = [zipfile.ZipFile(name) for name in sys.argv[3:]]
    members = [(z, i) for z in archives for i in z.infolist() if wanted.fullmatch(i.filename) and '..' not in i.filename.split('/')]
    total, done, shown = sum(i.file_size for _, i in members), 0, -1
    for archive, info in members:
        path = os.path.join(target, info.filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(info) as source, open(path, 'wb') as out:
            while True:
                piece = source.read(1 << 20)
                if not piece:
                    break
                out.write(piece)
                done += len(piece)
                if done * 200 // max(total, 1) > shown:
                    shown = done * 200 // max(total, 1)
                    print('progress', done, total, flush=True)
            if info.file_size > 1 << 20:
                out.flush()
                os.fsync(out.fileno())
        if '/bin/' in info.filename:
            os.chmod(path, 0o755)
        parts = info.filename.split('/')
        if parts[0] == 'nvidia' and parts[2:3] == ['lib']:
            os.makedirs(os.path.join(target, 'tensorflow'), exist_ok=True)
            os.symlink(os.path.join('..', *parts), os.path.join(target, 'tensorflow', parts[3]))
try:
    unpack()
except OSError as error:
    print('failed', errno.errorcode.get(error.errno, 'EIO'), error, file=sys.stderr)
    sys.exit(3)
except (zipfile.BadZipFile, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError) as error:
    print('failed BAD', error, file=sys.stderr)
    sys.exit(3)
except Exception as error:
    print('failed BAD', type(error).__name__, error, file=sys.stderr)
    sys.exit(3)
`;

/** Options of {@link unpack}. */
export interface UnpackOptions {
  readonly python: Tool;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: InstallProgress) => void;
}

/**
 * Unpacks what is needed of `wheels` into the folder `target`.
 *
 * @throws MAN_NATIVE_WHEEL
 * @throws MAN_NATIVE_DISK_FULL
 * @throws MAN_NATIVE_NO_LIBRARY
 */
export async function unpack(wheels: readonly string[], target: string, options: UnpackOptions): Promise<void> {
  let unpacked = 0;
  const onLine = (line: string) => {
    const [word, done, total] = line.split(' ');
    if (word !== 'progress') return;
    unpacked = Number(total);
    options.onProgress({ phase: 'unpack', message: 'unpacking', done: Number(done), total: unpacked });
  };
  const { command, args } = options.python;
  const result = await runTool(command, [...args, '-I', '-c', SCRIPT, WANTED, target, ...wheels], { ...options, onLine });
  if (result.code !== 0) {
    const [, kind, detail] = /^failed (\S+) ?(.*)$/m.exec(result.stderr) ?? [];
    if (kind === 'ENOSPC' || kind === 'EDQUOT') throw diskFull(lastingPart(target));
    const names = wheels.map((wheel) => basename(wheel)).join(', ');
    throw wheelBroken(names, detail || result.stderr.trim() || `${command} ended with ${result.code ?? result.killedBy}`);
  }
  if (unpacked === 0) throw noLibraryIn(wheels.join(', '), [libraryNames()[0]]);
}
