import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { run } from '../run.ts';
import { root } from '../workspace.ts';

const folder = join(root, 'apps/examples');

/** A number at the end of a line of output, and what must become of it from the first such line to the last. */
const FALLING: Readonly<Record<string, RegExp>> = {
  'own-loop.ts': /^step \d+: [\d.]+ ([\d.]+)$/gm,
  'custom-loss.ts': /^epoch \d+: .* ([\d.]+)$/gm,
};
const PRINTS: Readonly<Record<string, RegExp>> = {
  'layers-model.ts': /^4 blocks\n(?=[\s\S]*^loss )(?=[\s\S]*^val_acc )(?=[\s\S]*^block3_loss )/m,
  'custom-loss.ts': /^✓ has the gradients of finite differences$/m,
  'custom-plugin.ts': /^epoch 1:( [\d.]+){4}\nepoch 2:( [\d.]+){4}$/m,
  'sweep.ts': /^predsim \+ MAN +[\d.]+ % +[\d.]+, [\d.]+$/m,
};

describe('examples', () => {
  beforeAll(requireBuilt);

  it.each(readdirSync(folder).filter((name) => name.endsWith('.ts')))(
    '%s runs, and does what it says',
    { timeout: 240_000 },
    async (name) => {
      const ended = await run(process.execPath, ['--import', 'tsx', join(folder, name)], { cwd: root });
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      const [prints, falling] = [PRINTS[name], FALLING[name]];
      expect(prints ?? falling, `${name} in this test's tables`).toBeDefined();
      if (prints !== undefined) expect(ended.stdout).toMatch(prints);
      if (falling !== undefined) {
        const values = [...ended.stdout.matchAll(falling)].map(([, value]) => Number(value));
        expect(values.length).toBeGreaterThan(1);
        expect(values.at(-1)).toBeLessThan(values[0] as number);
      }
    },
  );
});
