import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { diffCheckpoints } from '@man/checkpoint';
import { readEvents, readSafetensors, readSummary } from '@man/track';
import { describe, expect, it } from 'vitest';
import { programIn } from './testing-program.ts';

const { folder, run } = programIn('resume');

/** Kills as nothing can be caught, once the run has saved itself so often. */
function killBehind(name: string, checkpoints: number) {
  return (child: ChildProcess) => {
    const saved = new Set<string>();
    const timer = setInterval(() => {
      try {
        for (const file of readdirSync(join(folder, name, 'checkpoints'))) if (file.startsWith('step-')) saved.add(file);
      } catch {
        // Not there yet.
      }
      if (saved.size >= checkpoints) child.kill('SIGKILL');
    }, 5);
    child.on('close', () => clearInterval(timer));
  };
}

const options = [
  'experiment=smoke',
  'data.workers=0',
  'train.epochs=2',
  'train.readEvery=1',
  'checkpoint.every=1',
  'plugin=man',
  'threads=1',
];
const train = (name: string) => ['train', ...options, `run.dir=${name}`];

describe('man-reproduce resume', () => {
  it('makes a killed run go on to the same weights, in the same files', { timeout: 180_000 }, async () => {
    const whole = await run(train('whole'));
    expect(whole, whole.stderr).toMatchObject({ code: 0 });
    const killed = await run(train('killed'), { onStart: killBehind('killed', 2) });
    expect(killed.code).toBeNull();
    const resumed = await run(['resume', 'killed']);
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
    expect(resumed.stderr).toMatch(/resumed +behind step \d+/);

    const [first, second] = ['whole', 'killed'].map((name) => join(folder, name)) as [string, string];
    expect(await diffCheckpoints(join(first, 'weights.safetensors'), join(second, 'weights.safetensors'))).toEqual([]);
    const [a, b] = await Promise.all([first, second].map((path) => readSummary(join(path, 'summary.json'))));
    const numbers = ({ epochs }: NonNullable<typeof a>) => epochs.map(({ epoch, blockLosses, testLoss }) => [epoch, blockLosses, testLoss]);
    expect(numbers(b!)).toEqual(numbers(a!));
    const starts: number[] = [];
    for await (const event of readEvents(join(second, 'events.jsonl'))) if (event.type === 'start') starts.push(event.steps ?? -1);
    expect(starts).toEqual([0, expect.any(Number)]);
    expect(starts[1]).toBeGreaterThan(0);

    const last = readdirSync(join(second, 'checkpoints')).sort().at(-1)!;
    const file = join('killed', 'checkpoints', last);
    const inspected = await run(['checkpoint', 'inspect', file, '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      position: { epoch: 2, batch: 0 },
      configuration: readFileSync(join(second, 'config.yaml'), 'utf8'),
    });
    // Optimiser, averages and all; where a run lies is no difference.
    expect(await run(['checkpoint', 'diff', file, join('whole', 'checkpoints', last)])).toMatchObject({
      code: 0,
      stdout: 'No difference.\n',
    });
    const other = join('whole', 'checkpoints', readdirSync(join(first, 'checkpoints')).sort()[0]!);
    expect(await run(['checkpoint', 'diff', file, other])).toMatchObject({ code: 1, stdout: expect.stringContaining('differs') });
    expect(await run(['checkpoint', 'export', file, 'out', '--to', 'tfjs'])).toMatchObject({ code: 0 });
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['model.json', 'weights.bin']);
    const torch = await run(['checkpoint', 'export', file, 'torch.safetensors', '--to', 'torch']);
    expect(torch, torch.stderr).toMatchObject({ code: 0 });
    const [ours, theirs] = await Promise.all(
      [join(second, 'weights.safetensors'), join(folder, 'torch.safetensors')].map((path) => readSafetensors(path)),
    );
    const [filters, turned] = [ours!.tensors['stage2.unit0.conv1.weight']!.shape, theirs!.tensors['layer2.0.conv1.weight']!.shape];
    expect(turned).toEqual([3, 2, 0, 1].map((axis) => filters[axis]));
    expect(theirs!.tensors['fc.bias']!.data).toEqual(ours!.tensors['classifier.linear.bias']!.data);
  });

  it('says what is no run, and what has nothing to go on from', { timeout: 60_000 }, async () => {
    expect(await run(['resume', 'nowhere'])).toMatchObject({ code: 2, stderr: expect.stringContaining('MAN_REPRODUCE_NOT_A_RUN') });
    expect(await run(['checkpoint', 'export', 'x', 'y', '--to', 'onnx'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('torch or tfjs'),
    });
    expect(await run(['checkpoint', 'export', 'nowhere/x', 'y', '--to', 'torch'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('MAN_REPRODUCE_NOT_A_RUN'),
    });
  });
});
