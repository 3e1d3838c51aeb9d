/** Several runs without the application: losses and seeds, with and without MAN, and a table of means. `npx tsx apps/examples/sweep.ts` */
import { resnet } from '@man/backbone-resnet';
import { createTrainer } from '@man/core';
import { evaluationLoader, trainingLoader } from '@man/data';
import { shapes } from '@man/dataset-shapes';
import { dgl } from '@man/loss-dgl';
import { predsim } from '@man/loss-predsim';
import { useEngine } from '@man/ops';
import { man } from '@man/plugin';
import { textTable } from '@man/track';

console.error((await useEngine('auto')).message);
const LOSSES = { dgl, predsim };
const SEEDS = [1, 2];
const dataset = shapes({ train: 160, test: 96 });

async function accuracy(loss: keyof typeof LOSSES, isMan: boolean, seed: number): Promise<number> {
  const trainer = createTrainer({
    backbone: resnet({ depth: 8, width: 8 }),
    partition: { blocks: 4 },
    loss: LOSSES[loss](),
    plugins: isMan ? [man({ momentum: 0.9 })] : [],
    schedule: () => 0.05,
    seed,
  });
  const evaluate = evaluationLoader(dataset, { batch: 32 });
  const { epochs } = await trainer.fit(trainingLoader(dataset, { batch: 32, seed }), { epochs: 2, evaluate });
  trainer.dispose();
  return epochs.at(-1)?.evaluation?.accuracy ?? Number.NaN;
}

const rows: { loss: string; accuracies: number[] }[] = [];
for (const loss of Object.keys(LOSSES) as (keyof typeof LOSSES)[])
  for (const isMan of [false, true]) {
    const accuracies: number[] = [];
    for (const seed of SEEDS) accuracies.push(await accuracy(loss, isMan, seed));
    rows.push({ loss: `${loss}${isMan ? ' + MAN' : ''}`, accuracies });
  }
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const table = textTable(rows, [
  { heading: 'loss', value: ({ loss }) => loss },
  { heading: 'test accuracy', value: ({ accuracies }) => `${(100 * mean(accuracies)).toFixed(1)} %`, align: 'right' },
  { heading: 'each seed', value: ({ accuracies }) => accuracies.map((one) => (100 * one).toFixed(1)).join(', ') },
]);
console.log(table);
