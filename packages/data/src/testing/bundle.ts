import { copyFileSync, existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** A folder from which bundles find the packages that this file finds. */
export function bundleFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `man-${name}-`));
  const [modules] =
    createRequire(import.meta.url)
      .resolve.paths('piscina')
      ?.filter((path) => existsSync(join(path, 'piscina'))) ?? [];
  symlinkSync(modules as string, join(folder, 'node_modules'));
  return folder;
}

/** Node cannot run the sources as a thread: they are bundled as the build does, into a folder of the test's own. */
export async function bundle(folder: string, entry: string, name: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      target: 'node20',
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      lib: { entry: fileURLToPath(new URL(`../${entry}`, import.meta.url)), formats: ['es'], fileName: () => name },
      rollupOptions: { external: [/^node:/, 'piscina', 'sharp', /^hyparquet/] },
    },
    resolve: { alias: [{ find: '@man/base', replacement: fileURLToPath(new URL('../../../base/src/index.ts', import.meta.url)) }] },
  });
  copyFileSync(new URL('../pictures.wasm', import.meta.url), join(folder, 'pictures.wasm'));
  return join(folder, name);
}
