import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resnet } from '@man/backbone-resnet';
import { cosine, createTrainer } from '@man/core';
import { evaluationLoader, trainingLoader } from '@man/data';
import { shapes } from '@man/dataset-shapes';
import { clipGradients, earlyStopping, weightAverage } from '@man/extras';
import { infopro } from '@man/loss-infopro';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkpoint, diffCheckpoints, listCheckpoints, resume } from './index.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'man-whole-'));
  await useEngine('auto');
});
afterAll(() => rmSync(folder, { recursive: true }));

const dataset = shapes({ train: 80, test: 16 });

/** Everything at once: local blocks, MAN that moves every other step, averages, clipping, shuffled and augmented pictures. */
function start(name: string) {
  const trainer = createTrainer({
    backbone: resnet({ depth: 8, width: 2 }),
    partition: { blocks: 4 },
    loss: infopro(),
    schedule: cosine({ base: 0.1, epochs: 3, warmup: 1 }),
    plugins: [
      man({ momentum: 0.9, updateEvery: 2 }),
      clipGradients({ norm: 5 }),
      weightAverage({ momentum: 0.9 }),
      earlyStopping({ patience: 9 }),
      checkpoint({ folder: join(folder, name), every: 1, keep: { last: 99 } }),
    ],
    seed: 5,
    readEvery: 1,
  });
  const train = trainingLoader(dataset, { batch: 16, seed: 5, workers: 0 });
  const evaluate = evaluationLoader(dataset, { batch: 16, workers: 0 });
  const fit = async () => {
    const { epochs } = await trainer.fit(train, { epochs: 3, evaluate });
    trainer.dispose();
    await Promise.all([train.close(), evaluate.close()]);
    return epochs.map(({ epoch, blocks, evaluation }) => ({ epoch, blocks, loss: evaluation?.loss, accuracy: evaluation?.accuracy }));
  };
  return { trainer, fit };
}

it('InfoPro with MAN, averages and augmentation goes on amid an epoch as if nothing had been', { timeout: 60_000 }, async () => {
  const epochs = await start('whole').fit();
  const whole = await listCheckpoints(join(folder, 'whole'));
  for (const at of [3, 7]) {
    const resumed = start(`from-${at}`);
    const file = whole.find(({ steps }) => steps === at)!.file;
    expect(await resume(resumed.trainer, file)).toMatchObject({ steps: at, epoch: Math.floor(at / 5), batch: at % 5 });
    expect(await resumed.fit()).toEqual(epochs.slice(Math.floor(at / 5)));
    for (const { file: other, steps } of await listCheckpoints(join(folder, `from-${at}`)))
      expect(await diffCheckpoints(whole.find((each) => each.steps === steps)!.file, other)).toEqual([]);
  }
});
