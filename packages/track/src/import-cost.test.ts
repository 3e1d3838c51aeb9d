import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));

describe('import of the package', () => {
  it('loads neither Vega nor TensorFlow.js: sources import them as types or when they draw', async () => {
    const sources = (await readdir(folder)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    expect(sources).toContain('chart-core.ts');
    for (const name of sources) {
      const text = await readFile(`${folder}${name}`, 'utf8');
      const heavy = [...text.matchAll(/^import (?!type )[^;]*from '(vega|vega-lite|@tensorflow\/[^']*|@man\/ops)'/gm)];
      expect(heavy.map(([line]) => `${name}: ${line}`)).toEqual([]);
    }
  });
});
