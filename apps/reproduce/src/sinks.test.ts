import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readSafetensors } from '@man/track';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../bin/man-reproduce.js', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-sinks-'));
});
afterAll(() => rm(folder, { recursive: true }));

const train = (name: string, ...overrides: string[]) => {
  const args = [program, 'train', 'experiment=smoke', 'data.workers=0', `run.dir=${join(folder, name)}`, ...overrides];
  return promisify(execFile)(process.execPath, args, { env: { ...process.env, NO_COLOR: '1' } });
};

describe('what is kept of a run', () => {
  it('is what its configuration asks for', async () => {
    const asked = ['track.csv=both', 'track.tensorboard=true', 'track.progress=json', 'extras.average.momentum=0.9', 'extras.clip.norm=1'];
    const { stderr } = await train('all', ...asked);
    const files = await readdir(join(folder, 'all'));
    expect(files).toEqual(expect.arrayContaining(['epochs.csv', 'steps.csv', 'tensorboard', 'average.safetensors']));
    const [steps, epochs] = await Promise.all(['steps', 'epochs'].map((name) => readFile(join(folder, 'all', `${name}.csv`), 'utf8')));
    expect(steps?.trim().split('\n')).toHaveLength(1 + 4);
    expect(epochs?.trim().split('\n')).toHaveLength(1 + 1);
    expect(await readdir(join(folder, 'all', 'tensorboard'))).toEqual([expect.stringContaining('tfevents')]);
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => JSON.parse(line).type)).toContain('epoch');
    const [weights, average] = await Promise.all(
      ['weights', 'average'].map((name) => readSafetensors(join(folder, 'all', `${name}.safetensors`))),
    );
    expect(Object.keys(average?.tensors ?? {})).toEqual(Object.keys(weights?.tensors ?? {}));
    expect(average?.tensors['stem.conv.weight']?.data).not.toEqual(weights?.tensors['stem.conv.weight']?.data);
  });

  it('waits in the folder where MLflow is away, and the run ends well', async () => {
    const { stderr } = await train('away', 'track.mlflow.url=http://127.0.0.1:9');
    expect(stderr).toContain('MLflow does not answer; nothing is lost');
    expect((await readFile(join(folder, 'away', 'mlflow.jsonl'), 'utf8')).length).toBeGreaterThan(100);
  });

  it('ends early where nothing improves, and says why', async () => {
    const { stdout, stderr } = await train(
      'early',
      'train.epochs=9',
      'extras.earlyStopping.patience=1',
      'extras.earlyStopping.leastChange=1',
    );
    expect(stderr).toMatch(/Stopped early, behind epoch 2: accuracy has not improved on [\d.]+ since epoch 1\./);
    expect(stdout).toContain('2 of 9 epochs');
  });

  it.each([
    [['checkpoint.every=2', 'train.readEvery=5'], 'train.readEvery=2'],
    [['extras.clip.norm=1', 'extras.clip.value=1'], 'extras.clip.norm=null'],
  ])('is refused where %j contradict each other', async (overrides, fix) => {
    await expect(train('never', ...overrides)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(fix) });
  });
});
