import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isManError } from '@man/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summarise } from './run-summary.ts';
import { readSummary, writeSummary } from './summary-file.ts';
import { blocksOf, epochReport } from './test-reports.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-summary-'));
});
afterAll(() => rm(folder, { recursive: true }));

const summary = summarise([epochReport({ epoch: 1, blocks: blocksOf([Number.NaN, 1]) }), epochReport({ epoch: 2 })], {
  name: 'a',
  seed: 'x',
});

describe('readSummary', () => {
  it('reads what writeSummary wrote', async () => {
    const file = join(folder, 'summary.json');
    await writeSummary(file, summary);
    expect(await readSummary(file)).toEqual(summary);
    expect(await readFile(file, 'utf8')).toMatch(/^\{\n {2}"name": "a",/);
  });

  it('names the member that is wrong, whichever it is', async () => {
    const file = join(folder, 'wrong.json');
    const broken = (path: readonly (string | number)[]) => {
      const copy = JSON.parse(JSON.stringify(summary));
      const parent = path.slice(0, -1).reduce((at, key) => at[key], copy);
      const last = path.at(-1) as string;
      // A list fits no member but the lists, an object not even those.
      parent[last] = last === 'epochs' || last === 'blockLosses' || last === 'final' ? 7 : [{}];
      return JSON.stringify(copy);
    };
    const paths = [
      ...Object.keys(summary).map((key) => [key]),
      ...Object.keys(summary.final).map((key) => ['final', key]),
      ...Object.keys(summary.epochs[1] as object).map((key) => ['epochs', 1, key]),
    ];
    expect(paths.length).toBeGreaterThan(25);
    for (const path of paths) {
      await writeFile(file, broken(path));
      const error = await readSummary(file).catch((thrown: unknown) => thrown);
      expect(isManError(error, 'MAN_TRACK_SUMMARY_INVALID')).toBe(true);
      expect((error as Error).message).toContain(`expected ${path.at(-1)} to be`);
      expect((error as Error).message).toContain('wrong.json');
    }
  });

  it.each([
    ['{', /not JSON/],
    ['[]', /not an object/],
    ['null', /not an object/],
    ['{}', /expected name to be a text, got nothing/],
  ])('refuses %s', async (text, expected) => {
    const file = join(folder, 'bad.json');
    await writeFile(file, text);
    await expect(readSummary(file)).rejects.toThrow(expected);
  });

  it('names a file that is not there', async () => {
    const error = await readSummary(join(folder, 'none.json')).catch((thrown: unknown) => thrown);
    expect(isManError(error, 'MAN_TRACK_READ_FAILED')).toBe(true);
  });
});
