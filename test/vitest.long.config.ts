import { defineConfig, mergeConfig } from 'vitest/config';
import short from './vitest.config.ts';

/** The suites that take minutes, or download: `npm run test:long`. */
const { test, ...rest } = short;

export default mergeConfig(
  { ...rest, test: { ...test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['packages/*/src/**/*.long.test.ts', 'apps/*/src/**/*.long.test.ts', 'test/**/*.long.test.ts'],
      exclude: ['**/node_modules/**', '**/dist/**'],
      testTimeout: 600_000,
      hookTimeout: 600_000,
      env: { MAN_LONG_TESTS: '1' },
    },
  }),
);
