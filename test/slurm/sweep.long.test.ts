import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireBuilt } from '../built.ts';
import { run } from '../run.ts';
import { root } from '../workspace.ts';
import { hurry, type OneNodeSlurm, startOneNodeSlurm, until, whyNoSlurm } from './one-node.ts';

const missing = whyNoSlurm();
const title = 'man-reproduce train -m launcher=slurm on a real one-node Slurm';
const program = join(root, 'apps/reproduce/bin/man-reproduce.js');

describe.skipIf(missing !== null)(missing === null ? title : `${title}, skipped: ${missing}`, { timeout: 600_000 }, () => {
  let cluster: OneNodeSlurm;
  let folder: string;
  beforeAll(async () => {
    requireBuilt();
    folder = mkdtempSync(join(tmpdir(), 'man sweep '));
    cluster = await startOneNodeSlurm();
  });
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const reproduce = (...args: string[]) =>
    run(process.execPath, [program, ...args], { cwd: folder, env: { ...cluster.env, XDG_CACHE_HOME: folder }, timeoutMs: 500_000 });
  const client = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, ...cluster.env } });
  const statesOf = async (sweep: string) => {
    const { stdout } = await reproduce('sweep', 'status', sweep, '--json');
    return (JSON.parse(stdout) as { runs: { state: string; problem: string | null }[] }).runs.map(({ state }) => state);
  };
  const saved = (sweep: string, name: string) => {
    const place = join(folder, sweep, name, 'checkpoints');
    return existsSync(place) ? readdirSync(place).length : 0;
  };
  const recipe = [
    ...['experiment=smoke', 'data.workers=0', 'loss=e2e', 'plugin=none', 'partition.blocks=1'],
    ...['train.epochs=80', 'train.readEvery=1', 'checkpoint.every=20'],
  ];
  const slurm = ['launcher=slurm', 'launcher.partition=main', 'launcher.cpusPerJob=1', 'launcher.pollSeconds=1', 'launcher.gpusPerJob=1'];
  /** Compares the networks; what their files say of where they were trained differs. */
  const compared = (name: string) =>
    reproduce('checkpoint', 'diff', ...['whole', 'cut'].map((sweep) => join(sweep, name, 'weights.safetensors')));

  it('makes runs that were requeued or cancelled in mid-run go on to the same weights', async () => {
    const whole = await reproduce('train', '-m', ...recipe, 'seed=1,2', 'threads=1', 'sweep.dir=whole');
    expect(whole, whole.stderr).toMatchObject({ code: 0 });

    const ended = reproduce('train', '-m', ...recipe, 'seed=1,2', ...slurm, 'sweep.dir=cut');
    await until(() => saved('cut', '0') > 1 && saved('cut', '1') > 1);
    const [, job] = /(\d+)_0/.exec(client('squeue', '--array', '--noheader', '--format=%i')) ?? [];
    client('scontrol', 'requeue', `${job}_0`);
    client('scancel', `${job}_1`);
    await hurry(cluster, '0');
    const cut = await ended;
    expect(cut, cut.stderr).toMatchObject({ code: 1 });
    expect(cut.stderr).toMatch(/stopped +1 +seed=2: was cancelled/);
    expect(readFileSync(join(folder, 'cut', '0.log'), 'utf8')).toMatch(/DUE TO JOB REQUEUE[\s\S]*resumed +behind step \d+/);
    expect(await statesOf('cut')).toEqual(['done', 'stopped']);
    expect(await compared('0')).toMatchObject({ code: 0, stdout: 'No difference.\n' });

    const rest = await reproduce('train', '--resume', 'cut');
    expect(rest, rest.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('1 in the array') });
    expect(await compared('1')).toMatchObject({ code: 0, stdout: 'No difference.\n' });
    expect(rest.stdout).toMatch(/\n +2 +[\d.]+ ± [\d.]+/);
    expect(readFileSync(join(folder, 'cut', 'report.html'), 'utf8')).toContain('2 of 2 runs ended well.');
  });

  it('hands over without waiting, tells how the runs are, and cancels them', async () => {
    const words = [...recipe, 'train.epochs=5000', 'seed=1,2,3', ...slurm, 'launcher.wait=false', 'launcher.jobs=1', 'sweep.dir=left'];
    const left = await reproduce('train', '-m', ...words);
    expect(left, left.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining('man-reproduce sweep status left') });
    await until(() => saved('left', '0') > 0);
    expect(await statesOf('left')).toEqual(['running', 'waiting', 'waiting']);
    expect(await reproduce('train', '--resume', 'left', 'launcher=serial')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('in the queue'),
    });
    expect(await reproduce('sweep', 'cancel', 'left')).toMatchObject({ code: 0, stderr: expect.stringContaining('Cancelled 3 runs.') });
    await until(async () => (await statesOf('left')).every((state) => state === 'stopped'));
    // It was asked, and wrote what it had.
    expect(readFileSync(join(folder, 'left', '0.log'), 'utf8')).toContain('(stopped)');
    expect(await reproduce('sweep', 'report', 'left')).toMatchObject({ code: 0, stdout: 'No run has ended well.\n' });
  });
});
