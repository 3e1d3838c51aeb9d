import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { requireBuilt } from '../built.ts';
import { runWell } from '../run.ts';
import { publicRooms, type Room, root } from '../workspace.ts';

/** One packed package. */
export interface Tarball {
  readonly room: Room;
  readonly path: string;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  /** Paths inside the package. */
  readonly files: readonly string[];
}

interface PackReport {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** An empty folder outside the repository: nothing in it sees the repository's packages. */
export function emptyFolder(name: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `man-${name}-`)));
}

/** Packs every public package, as `npm publish` does, into a folder. */
export async function packAll(folder: string): Promise<readonly Tarball[]> {
  requireBuilt();
  const workspaces = publicRooms.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  const { stdout } = await runWell('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, ...workspaces], {
    cwd: root,
  });
  const reports = JSON.parse(stdout) as PackReport[];
  return publicRooms.map((room) => {
    const report = reports.find(({ name }) => name === room.manifest.name);
    if (report === undefined) throw new Error(`npm packed no ${room.manifest.name}`);
    const { filename, size, unpackedSize, files } = report;
    return { room, path: join(folder, filename), packedBytes: size, unpackedBytes: unpackedSize, files: files.map(({ path }) => path) };
  });
}

/**
 * Installs tarballs without a network: unpacked into `node_modules`, beside links to what their package.json files
 * declare. `npm install` itself asks the registry about versions even when its cache is warm; the long tests run it.
 */
export async function installOffline(tarballs: readonly Tarball[], folder: string): Promise<void> {
  const modules = join(folder, 'node_modules');
  for (const { room, path } of tarballs) {
    const target = join(modules, room.manifest.name);
    mkdirSync(target, { recursive: true });
    await runWell('tar', ['-xzf', path, '-C', target, '--strip-components=1'], { cwd: folder });
    for (const name of Object.keys({ ...room.manifest.dependencies, ...room.manifest.peerDependencies })) {
      // What npm put into the package's own folder is another version than that of its neighbours.
      const own = join(room.folder, 'node_modules', name);
      if (existsSync(own)) link(own, join(target, 'node_modules', name));
      else if (!name.startsWith('@man/')) link(join(root, 'node_modules', name), join(modules, name));
    }
  }
}

function link(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  if (!readdirSync(dirname(to)).includes(to.slice(dirname(to).length + 1))) symlinkSync(realpathSync(from), to);
}

/** Takes a folder of {@link emptyFolder} away. */
export function removeFolder(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
