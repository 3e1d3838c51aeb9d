import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rendered } from '../../tools/results/results.ts';
import { root } from '../workspace.ts';

it('docs/results.md is what its runs make', async () => {
  expect(await readFile(join(root, 'docs/results.md'), 'utf8'), 'npx tsx tools/results/results.ts').toBe(await rendered());
});
