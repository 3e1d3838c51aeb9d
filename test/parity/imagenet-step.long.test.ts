/**
 * Training steps of the networks for ImageNet with MAN on four real pictures of 224×224, against PyTorch from the same weights
 * (tools/peer/imagenet_step.py): the losses of the first step, and what the update does to them. Needs MAN_DATA_DIR and PyTorch.
 *
 * Statistics over four pictures make steep slopes, so the rate is small and the networks are damped: else float32 is off by half of what a step
 * changes, in PyTorch as well.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPeer } from '../../tools/bench/contender.ts';
import { LEARNING_RATE, type StepOptions, type StepResult } from './imagenet-step-child.ts';

type Case = Pick<StepOptions, 'network' | 'blocks' | 'ends' | 'local'> & { readonly gigabytes: number };

const cases: readonly Case[] = [
  { network: 'resnet101', blocks: 4, local: { type: 'dgl', head: 'auglocal' }, gigabytes: 6 },
  { network: 'resnet152', blocks: 4, local: { type: 'dgl', head: 'auglocal' }, gigabytes: 6 },
  { network: 'resnext101_32x8d', blocks: 4, local: { type: 'predsim', beta: 0.99, target: 512, zero: false }, gigabytes: 6 },
  { network: 'vgg13_bn', blocks: 4, ends: [[1, 1], [2, 1], [3, 1], [5, 1]], local: { type: 'dgl', head: 'original' }, gigabytes: 6 }, // biome-ignore format: a list
  // 120 million of its weights are in the last block, and an update makes new ones beside the old.
  { network: 'vgg13_bn', blocks: 10, local: { type: 'dgl', head: 'original' }, gigabytes: 6 },
];
const child = fileURLToPath(new URL('imagenet-step-child.ts', import.meta.url));
const script = fileURLToPath(new URL('../../tools/peer/imagenet_step.py', import.meta.url));
const python = process.env.MAN_LONG_TESTS === undefined ? undefined : findPeer();
const data = process.env.MAN_DATA_DIR;
const skipped = skip();

function skip(): string {
  if (data === undefined || !existsSync(join(data, 'imagenet'))) return ' (skipped: MAN_DATA_DIR has no ImageNet)';
  return python === undefined ? ' (skipped: no PyTorch, see MAN_PEER_PYTHON)' : '';
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'man-step-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(skipped !== '')(`a step at 224×224${skipped}`, () => {
  it.each(cases)(
    '$network in $blocks blocks with $local.type and MAN: the losses of PyTorch, in less than $gigabytes GB',
    async ({ gigabytes, ...entry }) => {
      await ours({ ...entry, man: true, folder });
      const [result, expected] = [await ours({ ...entry, man: true }), await theirs(entry)];
      expect(result?.peakBytes).toBeLessThan(gigabytes * 1e9);
      const off = distances(result as StepResult, expected);
      const giga = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
      const show = ([losses, changes]: readonly [number, number]) =>
        `losses off by ${losses.toExponential(1)}, changes by ${changes.toExponential(1)}`;
      process.stderr.write(`${entry.network}: ${show(off)}; ${giga(result?.peakBytes as number)}, PyTorch ${giga(expected.peakBytes)}\n`);
      expect(off[0]).toBeLessThan(1e-3);
      expect(off[1]).toBeLessThan(3e-2);
    },
  );
});

/** What of both is furthest from PyTorch's, relative: a loss of the first step; what the update changed in a block's loss. */
function distances({ losses, next }: StepResult, expected: StepResult): readonly [number, number] {
  const first = losses.flatMap((block, i) =>
    Object.entries(expected.losses[i] ?? {}).map(([name, truth]) => relative(block[name] as number, truth)),
  );
  const change = (of: StepResult, i: number) => (of.next[i]?.total as number) - (of.losses[i]?.total as number);
  const changes = next.map((_, i) => relative(change({ losses, next, peakBytes: 0 }, i), change(expected, i)));
  return [Math.max(...first), Math.max(...changes)];
}

const relative = (got: number, truth: number) => Math.abs(got - truth) / Math.abs(truth);

async function ours(options: StepOptions): Promise<StepResult | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', child, JSON.stringify(options)], { maxBuffer: 1e8 });
  return stdout === '' ? undefined : (JSON.parse(stdout) as StepResult);
}

async function theirs({ network, blocks, ends, local }: Omit<Case, 'gigabytes'>): Promise<StepResult> {
  const { type, ...rest } = local;
  const args = ['--network', network, '--blocks', `${blocks}`, '--local', JSON.stringify({ type, ...rest }), '--man'];
  if (ends !== undefined) args.push('--ends', JSON.stringify(ends));
  const { stdout } = await promisify(execFile)(python as string, [
    script,
    ...args,
    '--learning-rate',
    `${LEARNING_RATE}`,
    '--folder',
    folder,
  ]);
  return JSON.parse(stdout) as StepResult;
}
