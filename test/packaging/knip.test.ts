import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../run.ts';
import { root } from '../workspace.ts';

it('no dependency is unused or undeclared, and no file is reached by nothing (knip)', { timeout: 120_000 }, async () => {
  const ended = await run(join(root, 'node_modules/.bin/knip'), ['--config', 'test/knip.json', '--no-config-hints'], { cwd: root });
  expect(ended, ended.stdout).toMatchObject({ code: 0 });
});
