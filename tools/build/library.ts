import { copyFileSync } from 'node:fs';
import { basename } from 'node:path';
import { defineConfig } from 'tsup';

/**
 * The one tsup configuration of all packages: ES modules, declarations, dependencies left outside.
 *
 * @param files files that are copied into `dist` as they are
 * @param extraEntries files beside `src/index.ts` that become files of `dist` of their own (command lines, worker threads)
 */
export function library(extraEntries: readonly string[] = [], files: readonly string[] = []) {
  return defineConfig({
    entry: ['src/index.ts', ...extraEntries],
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    external: [/^node:/],
    sourcemap: true,
    clean: true,
    onSuccess: async () => {
      for (const file of files) copyFileSync(file, `dist/${basename(file)}`);
    },
    // Declarations are resolved through the built packages, as a user of npm resolves them.
    dts: {
      entry: 'src/index.ts',
      compilerOptions: { paths: {}, allowImportingTsExtensions: true, noEmit: false, emitDeclarationOnly: true },
    },
  });
}
