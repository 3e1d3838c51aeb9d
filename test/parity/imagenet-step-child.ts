/**
 * Two training steps of a network for ImageNet on four real pictures of 224×224, as a program of its own, so that the memory of its process is what
 * they take. Prints the losses and the peak; or writes weights and pictures for PyTorch into a folder, which takes more.
 */
import { join } from 'node:path';
import { resnet101, resnet152 } from '@man/backbone-resnet';
import { resnext101 } from '@man/backbone-resnext';
import { vgg13 } from '@man/backbone-vgg';
import { type Backbone, type Batch, createTrainer, disposeBatch, sgd, type Trainer } from '@man/core';
import { createLoader } from '@man/data';
import { imagenet } from '@man/dataset-imagenet';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import { exportTorch, writeSafetensors } from '@man/track';
import * as tf from '@tensorflow/tfjs';
import { type LocalRecipe, localLossOf } from './local-loss.ts';

/** What the program is told, as JSON. */
export interface StepOptions {
  readonly network: keyof typeof NETWORKS;
  readonly blocks: number;
  /** Stage and unit that end each block, where no partition is published. */
  readonly ends?: readonly (readonly [number, number])[];
  readonly local: LocalRecipe;
  readonly man: boolean;
  /** Where to write the start instead of training. */
  readonly folder?: string;
}

/** What it prints, as JSON; the peer does so, too. */
export interface StepResult {
  /** Of each block by name, in the step and in the one behind it. */
  readonly losses: readonly Readonly<Record<string, number>>[];
  readonly next: readonly Readonly<Record<string, number>>[];
  readonly peakBytes: number;
}

export const NETWORKS = { resnet101, resnet152, resnext101_32x8d: resnext101, vgg13_bn: vgg13 } as const satisfies Record<
  string,
  () => Backbone
>;
export const LEARNING_RATE = 1e-5;
const PICTURES = 4;

async function main({ network, blocks, ends, local, man: isMan, folder }: StepOptions): Promise<void> {
  await useEngine('tensorflow');
  const trainer = createTrainer({
    backbone: NETWORKS[network](),
    partition: ends === undefined ? { blocks } : { cuts: ends.slice(0, -1).map(([stage, unit]) => `stage${stage}.unit${unit}`) },
    loss: localLossOf(local),
    optimizer: sgd({ weightDecay: 1e-4 }),
    schedule: () => LEARNING_RATE,
    plugins: isMan ? [man()] : [],
    seed: 1,
  });
  damp(trainer);
  const batch = await firstBatch();
  if (folder !== undefined) return write(trainer, batch, folder);
  for (let i = 0; i < 2; i++) trainer.step(batch);
  const [losses, next] = trainer
    .readMetrics()
    .map(({ blocks: all }) => all.map(({ loss, terms }) => ({ total: loss, classification: loss, ...terms })));
  disposeBatch(batch);
  trainer.dispose();
  process.stdout.write(`${JSON.stringify({ losses, next, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
}

/**
 * Makes the last batch norm of every residual unit small, as it is in trained networks. Undamped, rounding grows through the units, and what a step does
 * to the losses differs by half between float32 and float64 of PyTorch.
 */
function damp(trainer: Trainer): void {
  const isLast = /^(stage\d\.unit\d+|aux\.\d+\.(ema|bias))\.bn3\.weight$/;
  for (const [name, variable] of Object.entries(trainer.variables()))
    if (isLast.test(name)) tf.tidy(() => variable.assign(tf.mul(variable, 0.2)));
}

async function firstBatch(): Promise<Batch> {
  const dataset = await imagenet();
  const { normalization } = dataset;
  const loader = createLoader(dataset.test, { batch: PICTURES, seed: 1, shuffle: true, normalization });
  for await (const batch of loader.epoch(1)) return batch;
  throw new Error('the set is empty');
}

/** The network under torchvision's names, the heads as `<block>.<name>`; branches start as copies of units, which the peer has. */
async function write(trainer: Trainer, batch: Batch, folder: string): Promise<void> {
  await exportTorch(trainer, join(folder, 'network.safetensors'));
  const heads = Object.entries(trainer.variables()).filter(
    ([name]) => /^aux\.\d+\.(?!ema\.|bias\.)/.test(name) && !/\.running_(mean|var)$/.test(name),
  );
  await writeSafetensors(
    join(folder, 'heads.safetensors'),
    Object.fromEntries(heads.map(([name, value]) => [name.replace('aux.', ''), value])),
  );
  await writeSafetensors(join(folder, 'batch.safetensors'), { images: batch.images, labels: batch.labels });
}

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]) as StepOptions);
