import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { run } from '../run.ts';
import { root } from '../workspace.ts';
import { type OneNodeSlurm, startOneNodeSlurm, until, whyNoSlurm } from './one-node.ts';

const missing = whyNoSlurm();
const title = 'man-reproduce table launcher=slurm on a real one-node Slurm';
const program = join(root, 'apps/reproduce/bin/man-reproduce.js');

describe.skipIf(missing !== null)(missing === null ? title : `${title}, skipped: ${missing}`, { timeout: 600_000 }, () => {
  let cluster: OneNodeSlurm;
  let folder: string;
  beforeAll(async () => {
    requireBuilt();
    folder = mkdtempSync(join(tmpdir(), 'man table '));
    cluster = await startOneNodeSlurm();
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const words = ['table', '1', '--profile', 'smoke', '--rows', 'cifar10 k8 dgl', 'data.workers=0', 'train.epochs=20'];
  const slurm = ['launcher=slurm', 'launcher.partition=main', 'launcher.cpusPerJob=1', 'launcher.pollSeconds=1', 'launcher.jobs=1'];
  const table = (...args: string[]) =>
    run(process.execPath, [program, ...words, ...args], {
      cwd: folder,
      env: { ...cluster.env, XDG_CACHE_HOME: folder },
      timeoutMs: 500_000,
    });
  const problemsIn = (stdout: string) =>
    (JSON.parse(stdout) as { cells: { id: string; problem: string | null }[] }).cells
      .filter(({ id }) => id.startsWith('cifar10-resnet32-k8-dgl'))
      .map(({ problem }) => problem);

  it('hands runs over once, looks again, and waits for them where it is told to', async () => {
    const handed = await table(...slurm, 'launcher.wait=false', '--json');
    expect(handed, handed.stderr).toMatchObject({ code: 0, stderr: expect.stringMatching(/slurm +job \d+, 2 in the array/) });
    expect(problemsIn(handed.stdout)).toEqual(['in the queue of Slurm', 'in the queue of Slurm']);

    const log = join(folder, 'outputs/queue/0.log');
    await until(() => existsSync(log));
    // A figure or table without Slurm leaves them alone.
    const looked = await table('--json');
    expect(looked, looked.stderr).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('0 to train, 0 there already, 2 in the queue'),
    });

    const ended = await table(...slurm);
    expect(ended, ended.stderr).toMatchObject({ code: 0, stderr: expect.stringMatching(/done +1 {2}CIFAR-10, .*DGL \+ MAN, seed 1/) });
    expect(ended.stdout).toMatch(/DGL \+ MAN +\d+\.\d\d \([+−]/);
    const run = join(folder, 'outputs/table-1/smoke/cifar10-resnet32-k8-dgl/seed-1');
    expect([existsSync(join(run, 'weights.safetensors')), existsSync(join(run, 'checkpoints'))]).toEqual([true, false]);
    expect(JSON.parse(readFileSync(join(folder, 'outputs/queue/queue.json'), 'utf8'))).toEqual({ next: 2, runs: [] });
  });
});
