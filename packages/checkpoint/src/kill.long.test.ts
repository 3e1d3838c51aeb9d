import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng } from '@man/base';
import { useEngine } from '@man/ops';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkpoint, diffCheckpoints, listCheckpoints } from './index.ts';
import { halvesIn, live, livesOf } from './kill.ts';
import { tinySource, tinyTrainer } from './testing.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'man-kill-'));
  await useEngine('cpu');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A wide network and a save behind each step; half of the kills are anywhere, half of them within the writing of a checkpoint. */
it('a run that is killed at 50 random moments loses nothing but the steps it may', { timeout: 1_800_000 }, async () => {
  const run = { folder: join(folder, 'killed'), every: 1, epochs: 60, width: 400 };
  const rng = createRng(`${process.env.MAN_KILL_SEED ?? 1}`);
  let halves = 0;
  for (let kill = 0; kill < 50; kill++) {
    await live(run, { afterMs: Math.floor(rng.next() * 600), isAmidWriting: kill % 2 === 0 });
    halves += halvesIn(run.folder);
  }
  await live(run, null);
  const lives = livesOf(run);
  const steps = 10 * run.epochs;
  expect(lives.at(-1)).toMatchObject({ last: steps, isDone: true });
  for (let i = 1; i < lives.length; i++) expect(lives[i - 1]!.last - lives[i]!.from).toBeLessThanOrEqual(run.every);
  const other = join(folder, 'whole');
  const whole = tinyTrainer([{ name: 'watcher', afterStep: () => {} }, checkpoint({ folder: other })], run.width);
  await whole.fit(tinySource(10), { epochs: run.epochs });
  const [[a], [b]] = [await listCheckpoints(run.folder), await listCheckpoints(other)];
  expect(await diffCheckpoints(a!.file, b!.file)).toEqual([]);
  process.stderr.write(`${lives.length - 1} kills, ${halves} of them amid writing; ${lives.at(-1)?.last} steps\n`);
  expect(halves).toBeGreaterThan(15);
});
