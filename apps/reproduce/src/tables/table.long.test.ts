import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIGURES } from '../figures/figure.ts';
import { TRAINED_TABLES } from './layout.ts';

const program = fileURLToPath(new URL('../../bin/man-reproduce.js', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-tables-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(args: readonly string[]) {
  return new Promise<{ code: number | null; stdout: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout }));
  });
}

it.each(TRAINED_TABLES)('trains every row of table %s', { timeout: 900_000 }, async (table) => {
  const { code, stdout } = await run(['table', table, '--profile', 'smoke', '--json', 'data.workers=0', 'launcher=processes']);
  expect(code).toBe(0);
  const { cells } = JSON.parse(stdout) as { cells: { last: unknown }[] };
  expect(cells.length).toBeGreaterThan(0);
  expect(cells.filter(({ last }) => last === null)).toEqual([]);
});

it.each(FIGURES)('draws figure %s', { timeout: 900_000 }, async (figure) => {
  const { code, stdout } = await run(['figure', figure, '--profile', 'smoke', '--json', 'data.workers=0', 'launcher=processes']);
  expect(code).toBe(0);
  const { files } = JSON.parse(stdout) as { files: readonly [string, string, string] };
  const [svg, png, csv] = await Promise.all(files.map((file) => readFile(join(folder, file))));
  expect(svg?.toString()).toMatch(/^<svg .*<\/svg>\n$/s);
  expect(png?.subarray(1, 4).toString()).toBe('PNG');
  const lines = csv?.toString().trimEnd().split('\n') ?? [];
  expect(lines.length).toBeGreaterThan(4);
  expect(lines.filter((line) => line.includes('NaN'))).toEqual([]);
});
