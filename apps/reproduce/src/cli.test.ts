import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEvents, readSafetensors, readSummary } from '@man/track';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunResult } from './result.ts';
import { programIn } from './testing-program.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { folder, run } = programIn('cli');
const smoke = ['experiment=smoke', 'data.workers=0'];
// Processes that load TensorFlow, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(() => {
  if (!existsSync(fileURLToPath(new URL('../dist/cli.js', import.meta.url))))
    execFileSync('npx', ['nx', 'run-many', '-t', 'build', '-p', '@man/reproduce'], {
      cwd: root,
      env: { ...process.env, NX_DAEMON: 'false' },
    });
}, 300_000);
/** Sends SIGINT when a step has been shown, once. */
function interruptAt(mark: string) {
  let sent = false;
  return (text: string, child: ChildProcess) => {
    if (sent || !text.includes(mark)) return;
    sent = true;
    child.kill('SIGINT');
  };
}

describe('man-reproduce train', () => {
  it('prints one line of JSON and leaves a folder', async () => {
    const { code, stdout, stderr } = await run(['train', '--json', ...smoke, 'run.dir=first', 'seed=3']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('epoch 1/1')]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const result = JSON.parse(stdout) as RunResult;
    expect(result).toMatchObject({
      blocks: 10,
      seed: 3,
      dataset: 'shapes',
      trainPictures: 64,
      testPictures: 32,
      steps: 4,
      interrupted: false,
    });
    expect(result.testTop1).toBeGreaterThanOrEqual(0);
    expect(result.trainTop1).toBeGreaterThanOrEqual(0);
    expect(result.blockLosses).toHaveLength(10);
    expect(result.blockLosses.every((loss) => loss !== null && loss > 0)).toBe(true);
    expect(result.imagesPerSecond).toBeGreaterThan(0);
    expect(result.peakTensorBytes).toBeGreaterThan(1e6);
    expect(result.peakResidentBytes).toBeGreaterThan(result.idleResidentBytes);
    expect(result.configHash).toMatch(/^[0-9a-f]{64}$/);
    const first = join(folder, 'first');
    expect((await readdir(first)).sort()).toEqual([
      'checkpoints',
      'config.yaml',
      'events.jsonl',
      'overrides.txt',
      'report.html',
      'summary.json',
      'weights.safetensors',
    ]);
    expect(await readSummary(join(first, 'summary.json'))).toEqual(result);
    const { tensors, metadata } = await readSafetensors(join(first, 'weights.safetensors'));
    expect(metadata).toMatchObject({ backbone: 'resnet20', classes: '10', epoch: '1', config: result.configHash });
    expect(Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0)).toBeGreaterThan(result.parameters as number);
    const types = [];
    for await (const event of readEvents(join(first, 'events.jsonl'))) types.push(event.type);
    expect(types).toEqual(['start', 'step', 'step', 'step', 'step', 'epoch']);
    expect(await readFile(join(first, 'report.html'), 'utf8')).toContain('ResNet-20');
    const config = await run(['train', '--cfg', '@first/overrides.txt']);
    expect(config.stdout).toBe(await readFile(join(first, 'config.yaml'), 'utf8'));
  });

  it('ends with Ctrl-C after the running step, with everything written', async () => {
    const args = ['train', '--json', ...smoke, 'train.epochs=500', 'train.readEvery=1', 'run.dir=stopped'];
    const { code, stdout, stderr } = await run(args, { onStderr: interruptAt('epoch 2/500') });
    expect([code, stderr]).toEqual([130, expect.stringContaining('Stopping after the running step')]);
    const result = JSON.parse(stdout) as RunResult;
    expect(result.interrupted).toBe(true);
    expect(result.epochs.length).toBeGreaterThan(0);
    expect(result.epochs.length).toBeLessThan(500);
    expect((await readdir(join(folder, 'stopped'))).sort()).toContain('weights.safetensors');
  });

  it('refuses a folder that cannot be written before anything is trained', async () => {
    await writeFile(join(folder, 'file'), '');
    const { code, stdout, stderr } = await run(['train', '--json', ...smoke, 'run.root=file/runs']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/cannot be written: .*file\/runs[\s\S]*→ choose a writable place: run\.root=[\s\S]*\[MAN_REPRODUCE_FOLDER\]/);
    expect(stderr).not.toContain('epoch');
  });

  it('refuses damaged pictures, and leaves no folder', async () => {
    const set = join(folder, 'data', 'cifar-10-batches-bin');
    await mkdir(set, { recursive: true });
    for (const name of [...[1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`), 'test_batch.bin']) await writeFile(join(set, name), 'short');
    const { code, stdout, stderr } = await run(['train', '--json', 'dataset=cifar10', 'data.dir=data', 'run.root=none']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/data_batch_1\.bin: expected 30730000 bytes, found 5[\s\S]*\[MAN_CIFAR10_SIZE\]/);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('says what to do without CIFAR-10 and without network', async () => {
    const { code, stderr } = await run(['train', 'dataset=cifar10', 'run.root=none']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('[MAN_DATA_OFFLINE]')]);
    expect(stderr).toContain('→ on a computer with a connection get');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe('man-reproduce compare', () => {
  it('goes on after a method that fails, and reports the others', async () => {
    const bad = '{name: bad, label: too fast, overrides: [loss=e2e, plugin=none, partition.blocks=1, schedule.base=1e30]}';
    const good = '{name: man, label: InfoPro + MAN, overrides: [plugin=man]}';
    const { code, stdout, stderr } = await run([
      'compare',
      ...smoke,
      'train.epochs=2',
      `compare.methods=[${bad}, ${good}]`,
      'run.dir=compared',
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('[MAN_CORE_NOT_FINITE]')]);
    expect(stderr).toContain('[MAN_REPRODUCE_WORKER]');
    expect(stdout).toMatch(/too fast \(failed\) +–/);
    expect(stdout).toMatch(/InfoPro \+ MAN +10 +\d+\.\d\d /);
    expect(stdout).toContain('Reduced budget: 64 pictures of shapes for 2 epochs');
    expect(stdout.trimEnd()).toMatch(/file:\/\/\S+compared\/report\.html$/);
    expect(stderr).toContain('man-reproduce table 1');
    expect(await readFile(join(folder, 'compared', 'report.html'), 'utf8')).toContain('too fast: no result, failed.');
    const { methods } = JSON.parse(await readFile(join(folder, 'compared', 'comparison.json'), 'utf8'));
    expect(methods.map(({ problem }: { problem: unknown }) => problem)).toEqual(['failed', null]);
    expect(methods[1].result).toEqual(await readSummary(join(folder, 'compared', 'man', 'summary.json')));
  });

  it('ends with Ctrl-C, and still writes the table and the page', async () => {
    const args = ['compare', '--json', ...smoke, 'train.epochs=500', 'train.readEvery=1', 'run.dir=half'];
    const { code, stdout } = await run(args, { onStderr: interruptAt('epoch 2/500') });
    expect(code).toBe(130);
    const { interrupted, methods } = JSON.parse(stdout);
    expect([interrupted, methods.length, methods[0].result.interrupted]).toEqual([true, 1, true]);
    expect((await readdir(join(folder, 'half'))).sort()).toEqual(['comparison.json', 'config.yaml', 'e2e', 'overrides.txt', 'report.html']);
  });
});

describe('man-reproduce', () => {
  it.each([
    [['train', 'trian.epochs=3'], 'did you mean "train.epochs"?'],
    [['train', 'train.batch=1'], 'expected at least 2 pictures'],
    [['train', 'train.epochs'], '[MAN_CONFIG_OVERRIDE]'],
    [['train', 'loss=infopor'], 'did you mean "infopro"?'],
    [['train', '--jsn'], '--json'],
    [['tarin'], 'train'],
    [['compare', 'compare.only=[x]'], '[MAN_REPRODUCE_METHOD_UNKNOWN]'],
  ])('refuses %j with exit code 2 and a hint', async (args, hint) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['--help'], /compare[\s\S]*train[\s\S]*describe[\s\S]*Exit codes/],
    [['train', '--help'], /--cfg[\s\S]*Groups[\s\S]*\*resnet32[\s\S]*train\.epochs=10/],
    [['train', '--cfg', 'train.epochs=3'], /^seed: 1\n[\s\S]*epochs: 3\n/],
    [['train', '--cfg', 'all', 'seed=5'], /^# options .*loss=infopro[\s\S]*# overrides +seed=5\n[\s\S]*seed: 5\n/],
    [['train', '--info', 'defaults', 'seed=5'], /seed +5 +override "seed=5"\n[\s\S]*loss\.head +auto +conf\/loss\/infopro\.yaml:\d+/],
    [['describe', ...smoke], /block +units[\s\S]*stage3\.unit2 \+ classifier/],
    [['engine', '--json', 'engine=cpu'], /^\{"name":"cpu"/],
  ])('prints what %j asks for, to stdout', async (args, shown) => {
    const { code, stdout } = await run(args);
    expect([code, stdout]).toEqual([0, expect.stringMatching(shown)]);
  });
});
