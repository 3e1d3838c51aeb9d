/** Every local loss, without and with MAN, on real pictures for two short epochs: the losses fall, and nothing is left behind. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { resnet } from '@man/backbone-resnet';
import { createTrainer, type EpochReport, type LocalLoss, sgd } from '@man/core';
import { type Dataset, evaluationLoader, trainingLoader } from '@man/data';
import { cifar10 } from '@man/dataset-cifar10';
import { stl10 } from '@man/dataset-stl10';
import { svhn } from '@man/dataset-svhn';
import { dgl } from '@man/loss-dgl';
import { infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';

const SETS: readonly { readonly folder: string; readonly open: () => Promise<Dataset>; readonly pictures: number }[] = [
  { folder: 'cifar-10-batches-bin', open: () => cifar10({ download: false }), pictures: 1024 },
  { folder: 'svhn', open: () => svhn({ download: false }), pictures: 1024 },
  { folder: 'stl10_binary', open: () => stl10({ download: false }), pictures: 256 },
];
const LOSSES: Readonly<Record<string, () => LocalLoss>> = { predsim, dgl, infopro };
const data = process.env.MAN_DATA_DIR;

beforeAll(() => useEngine('auto'));

for (const { folder, open, pictures } of SETS) {
  const present = data !== undefined && existsSync(join(data, folder));
  describe.skipIf(!present)(`${folder}${present ? '' : ' (skipped: not in MAN_DATA_DIR)'}`, () => {
    const methods = Object.keys(LOSSES).flatMap((loss) => [false, true].map((isMan) => ({ loss, isMan })));
    it.each(methods)('$loss, MAN $isMan', async ({ loss, isMan }) => {
      const before = tf.memory().numTensors;
      const dataset = await open();
      const trainer = createTrainer({
        backbone: resnet({ depth: 32, inputShape: dataset.imageShape }),
        partition: { blocks: 8 },
        loss: (LOSSES[loss] as () => LocalLoss)(),
        optimizer: sgd(),
        schedule: () => 0.02,
        plugins: isMan ? [man()] : [],
        seed: 1,
      });
      const options = { batch: 32, seed: 1, workers: 0 };
      const train = trainingLoader(dataset, { ...options, limit: pictures });
      const evaluate = evaluationLoader(dataset, { ...options, limit: 64 });
      const { epochs } = await trainer.fit(train, { epochs: 1, evaluate });
      const held = tf.memory().numTensors;
      const later = await trainer.fit(train, { epochs: 2, evaluate });
      expect(tf.memory().numTensors, 'tensors left by an epoch').toBe(held);
      const [first, second] = [...epochs, ...later.epochs] as [EpochReport, EpochReport];
      // So few steps decide little in a single block, whose loss jumps from batch to batch.
      expect(mean(second), 'mean loss of all blocks').toBeLessThan(mean(first));
      expect(second.evaluation?.examples).toBe(64);
      trainer.dispose();
      expect(tf.memory().numTensors, 'tensors left behind').toBe(before);
    });
  });
}

const mean = ({ blocks }: EpochReport) => blocks.reduce((sum, { loss }) => sum + loss, 0) / blocks.length;
