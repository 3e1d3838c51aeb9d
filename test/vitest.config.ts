import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  root,
  // Tests run against the sources; the built packages are tested in test/packaging.
  resolve: { alias: [{ find: /^@man\/([a-z0-9-]+)$/, replacement: `${root}packages/$1/src/index.ts` }] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts'],
    // The templates' tests are for node:test, in the packages that are made of them.
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.long.test.ts', 'tools/create/templates/**'],
    // The native addon cannot load in worker threads.
    pool: 'forks',
    maxWorkers: 2,
    // For what hangs. Tests take seconds, but on a machine that builds something else meanwhile they take ten times as long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    execArgv: ['--expose-gc'],
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
  },
});
