import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readEvents } from '@man/track';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The program as it is built; cli.test.ts builds it where it is missing. */
const program = fileURLToPath(new URL('../../bin/man-reproduce.js', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-table-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the program; interrupts it once when it has said `mark`. */
function run(args: readonly string[], mark?: string) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [program, 'table', ...args], {
      cwd: folder,
      env: { ...process.env, MAN_DATA_DIR: '', XDG_CACHE_HOME: folder, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr, isSent] = ['', '', false];
    child.stdout?.on('data', (text) => {
      stdout += text;
    });
    child.stderr?.on('data', (text) => {
      stderr += text;
      if (isSent || mark === undefined || !stderr.includes(mark)) return;
      isSent = true;
      child.kill('SIGINT');
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

interface Numbers {
  readonly cells: readonly { id: string; paper: number; last: { mean: number } | null; runs: readonly { folder: string }[] }[];
}

describe('man-reproduce table', { timeout: 60_000 }, () => {
  const args = ['1', '--profile', 'smoke', '--rows', 'cifar10 k8 infopro', 'data.workers=0', 'train.epochs=12', 'threads=1'];
  const cell = (name: string) => join(folder, 'outputs/table-1/smoke', name, 'seed-1');
  const [plain, man] = ['cifar10-resnet32-k8-infopro', 'cifar10-resnet32-k8-infopro-man'];

  it('leaves a table of what there is when it is stopped', async () => {
    const { code, stdout, stderr } = await run(args, 'InfoPro + MAN  epoch');
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

  it.each([[['9']], [['1', '--profile', 'huge']], [['1', '--seeds', '0']], [['1', '--rows', 'k7']]])('refuses %j', async (words) => {
    const { code, stderr } = await run(words);
    expect([code, stderr]).toEqual([2, expect.stringContaining('[MAN_REPRODUCE_OPTION]')]);
  });
});
