import { defineConfig } from 'tsup';

/**
 * The one tsup configuration of all packages: ES modules, declarations, dependencies left outside.
 *
 * @param extraEntries files beside `src/index.ts` that become files of `dist` of their own (command lines, worker threads)
 */
export function library(extraEntries: readonly string[] = []) {
  return defineConfig({
    entry: ['src/index.ts', ...extraEntries],
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    external: [/^node:/],
    sourcemap: true,
    clean: true,
    // Declarations are resolved through the built packages, as a user of npm resolves them.
    dts: {
      entry: 'src/index.ts',
      compilerOptions: { paths: {}, allowImportingTsExtensions: true, noEmit: false, emitDeclarationOnly: true },
    },
  });
}
