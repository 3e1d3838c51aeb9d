import { existsSync, readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readEvents } from '@man/track';
import { describe, expect, it } from 'vitest';
import { programIn } from '../testing-program.ts';

const { folder, run: runProgram } = programIn('table');

/** Makes a table; interrupts that once, when what it has said is enough. */
const run = (args: readonly string[], isEnough: (stderr: string) => boolean = () => false) => {
  let said = '';
  return runProgram(['table', ...args], {
    onStderr: (text) => {
      said = text;
    },
    onStart: (child) => {
      const timer = setInterval(() => {
        if (!isEnough(said)) return;
        clearInterval(timer);
        child.kill('SIGINT');
      }, 10);
      child.on('close', () => clearInterval(timer));
    },
  });
};

interface Numbers {
  readonly cells: readonly { id: string; paper: number; last: { mean: number } | null; runs: readonly { folder: string }[] }[];
}

describe('man-reproduce table', { timeout: 60_000 }, () => {
  const args = ['1', '--profile', 'smoke', '--rows', 'cifar10 k8 infopro', 'data.workers=0', 'train.epochs=12', 'threads=1'];
  const cell = (name: string) => join(folder, 'outputs/table-1/smoke', name, 'seed-1');
  const [plain, man] = ['cifar10-resnet32-k8-infopro', 'cifar10-resnet32-k8-infopro-man'];

  it('leaves a table of what there is when it is stopped', async () => {
    const { code, stdout, stderr } = await run(args, (said) => said.includes('InfoPro + MAN  epoch'));
    expect([code, stderr]).toEqual([130, expect.stringContaining('1 of 2')]);
    expect(stdout).toMatch(/InfoPro + +\d+\.\d\d +11\.51$/m);
    const { cells } = JSON.parse(await readFile(join(folder, 'outputs/table-1/smoke/table.json'), 'utf8')) as Numbers;
    const found = (id: string) => cells.find((each) => each.id === id);
    expect(found(plain)).toMatchObject({ paper: 11.51, last: { count: 1 }, change: null });
    expect(found(man)).toMatchObject({ paper: 9.32, last: null, change: null, runs: [] });
  });

  it('does not go on with a run without being told', async () => {
    const { code, stderr } = await run(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining('[MAN_REPRODUCE_TABLE_BEGUN]')]);
    expect(stderr).toContain(`${man}/seed-1`);
  });

  it('goes on where it was, and trains nothing twice', async () => {
    const before = await stat(join(cell(plain), 'events.jsonl'));
    const { code, stdout, stderr } = await run([...args, '--resume', '--json']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('resumed')]);
    expect((await stat(join(cell(plain), 'events.jsonl'))).mtimeMs).toBe(before.mtimeMs);
    const steps: number[] = [];
    for await (const event of readEvents(join(cell(man), 'events.jsonl'))) if (event.type === 'step') steps.push(event.step);
    expect(steps).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    const { cells } = JSON.parse(stdout) as Numbers;
    const [a, b] = [plain, man].map((id) => cells.find((each) => each.id === id));
    expect(b).toMatchObject({ change: (b?.last?.mean ?? 0) - (a?.last?.mean ?? 0), runs: [{ epochs: 12 }] });
    // Only what goes on needs checkpoints.
    expect([existsSync(join(cell(man), 'checkpoints')), existsSync(join(cell(man), 'weights.safetensors'))]).toEqual([false, true]);
  });

  it('trains side by side, ends all with Ctrl-C, and goes on one after the other', { timeout: 300_000 }, async () => {
    const words = ['1', '--profile', 'smoke', '--rows', 'cifar10 k8 dgl', '--out', 'side', 'data.workers=0', 'train.epochs=20'];
    const place = (name: string) => join(folder, 'side/table-1/smoke', name, 'seed-1');
    const places = [place('cifar10-resnet32-k8-dgl'), place('cifar10-resnet32-k8-dgl-man')];
    const isSaved = (run: string) => existsSync(join(run, 'checkpoints')) && readdirSync(join(run, 'checkpoints')).length > 0;
    const stopped = await run([...words, 'launcher=processes'], () => places.every(isSaved));
    expect([stopped.code, stopped.stderr]).toEqual([
      130,
      expect.stringMatching(/stopped +1 {2}CIFAR-10, ResNet-32, K=8, DGL \+ MAN, seed 1/),
    ]);
    expect(await readFile(join(places[0] as string, 'overrides.txt'), 'utf8')).toMatch(/^threads=\d+\n/);
    // On all cores, and still the same runs.
    const resumed = await run([...words, '--resume', '--json']);
    expect([resumed.code, resumed.stderr.match(/resumed /g)?.length], resumed.stderr).toEqual([0, 2]);
    const { cells } = JSON.parse(resumed.stdout) as Numbers;
    expect(cells.filter(({ last }) => last !== null)).toHaveLength(2);
    expect(places.map((run) => existsSync(join(run, 'checkpoints')))).toEqual([false, false]);
  });

  it('does not take another configuration for the same cell', async () => {
    const { code, stderr } = await run([...args, 'optimizer.momentum=0.8']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('optimizer.momentum=0.9')]);
    expect(stderr).toContain('[MAN_REPRODUCE_TABLE_CONFIGURATION]');
  });

  it('tells what would run without running it', async () => {
    const { code, stdout, stderr } = await run(['4', '--profile', 'smoke', '--rows', 'cifar10 dgl ema', '--out', 'dry', '--dry', '--json']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('DGL + EMA')]);
    const { cells, total } = JSON.parse(stdout) as { cells: Record<string, number>[]; total: Record<string, number> };
    expect(cells).toEqual([
      expect.objectContaining({
        id: 'cifar10-resnet32-k16-dgl-ema',
        budget: '16 generated pictures × 1 epoch',
        runs: 1,
        seconds: expect.any(Number),
      }),
    ]);
    expect(total).toMatchObject({ runs: 1, processBytes: cells[0]?.processBytes, seconds: cells[0]?.seconds });
    expect(existsSync(join(folder, 'dry'))).toBe(false);
  });

  it.each([[['9']], [['1', '--profile', 'huge']], [['1', '--seeds', '0']], [['1', '--rows', 'k7']], [['1', 'sweeper=random']]])(
    'refuses %j',
    async (words) => {
      const { code, stderr } = await run(words);
      expect([code, stderr]).toEqual([2, expect.stringContaining('[MAN_REPRODUCE_OPTION]')]);
    },
  );
});
