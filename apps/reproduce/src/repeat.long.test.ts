import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));
const RUN = [
  ...['dataset=shapes', 'backbone=resnet20', 'backbone.width=4', 'partition.blocks=10', 'loss=infopro', 'plugin=man', 'schedule=constant'],
  ...['train.limit=320', 'train.epochs=2', 'train.batch=16', 'train.readEvery=1', 'test.limit=64', 'checkpoint.every=never'],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'man-repeat-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every loss of every block and step as it was written, and a digest of the weights at the end. */
async function outcome(name: string, seed: number, workers: number): Promise<{ steps: string[]; weights: string }> {
  const into = join(folder, name);
  const args = [PROGRAM, 'train', ...RUN, `seed=${seed}`, `data.workers=${workers}`, `run.dir=${into}`];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
  const events = readFileSync(join(into, 'events.jsonl'), 'utf8').trim().split('\n');
  const steps = events.filter((line) => line.startsWith('{"type":"step"'));
  expect(steps.length).toBe(40);
  const file = readFileSync(join(into, 'weights.safetensors'));
  // The header names the configuration, which has the number of threads in it.
  const values = file.subarray(8 + Number(file.readBigUInt64LE(0)));
  return { steps, weights: createHash('sha256').update(values).digest('hex') };
}

/** Threads prepare batches while the engine calculates; when they get their turns differs from run to run, and under load. */
it('a run that is repeated ten times with threads, and without, gives the same losses and weights bit for bit', async () => {
  const first = await outcome('without', 3, 0);
  for (let i = 0; i < 10; i++) expect(await outcome(`with-${i}`, 3, 2)).toEqual(first);
  expect((await outcome('other', 4, 2)).steps).not.toEqual(first.steps);
});
