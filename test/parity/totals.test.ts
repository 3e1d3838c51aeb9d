import { readFile } from 'node:fs/promises';
import { resnet32, resnet101, resnet110, resnet152 } from '@man/backbone-resnet';
import { resnext101 } from '@man/backbone-resnext';
import { vgg13 } from '@man/backbone-vgg';
import { type Backbone, countValues, createTrainer, type LocalLoss } from '@man/core';
import { infopro } from '@man/loss-infopro';
import { withShapes } from '@man/ops';
import { man } from '@man/plugin';
import { describe, expect, it } from 'vitest';
import { type InfoProRecipe, type LocalRecipe, localLossOf } from './local-loss.ts';

/** What tools/peer/total_fixtures.py counts in PyTorch's modules. */
interface Case {
  readonly network: string;
  readonly blocks: number;
  readonly loss: Exclude<LocalRecipe, { readonly type: 'infopro' }> | Pick<InfoProRecipe, 'type' | 'head' | 'mode'>;
  readonly man: boolean;
  /** What the optimiser moves: network, heads and branches. */
  readonly trained: number;
  /** What follows by moving average. */
  readonly averaged: number;
}

const NETWORKS: Readonly<Record<string, () => Backbone>> = {
  resnet32,
  resnet110,
  resnet101,
  resnet152,
  resnext101_32x8d: resnext101,
  vgg13_bn: vgg13,
};

const { cases } = JSON.parse(await readFile(new URL('fixtures/totals.json', import.meta.url), 'utf8')) as { cases: readonly Case[] };

describe('values of whole trainers', () => {
  it.each(cases)(
    '$network in $blocks blocks, $loss, MAN $man: as many as in PyTorch',
    ({ network, blocks, loss, man: isMan, ...expected }) => {
      const counts = withShapes(() => {
        const trainer = createTrainer({
          backbone: (NETWORKS[network] as () => Backbone)(),
          partition: { blocks },
          loss: lossOf(loss),
          plugins: isMan ? [man()] : [],
        });
        const variables = Object.entries(trainer.variables());
        const isStatistic = (name: string) => /\.running_(mean|var)$/.test(name);
        const isAveraged = (name: string) => /^aux\.\d+\.ema\./.test(name);
        const count = (of: (name: string) => boolean) =>
          countValues(Object.fromEntries(variables.filter(([name]) => !isStatistic(name) && of(name))));
        const result = { trained: count((name) => !isAveraged(name)), averaged: count(isAveraged) };
        trainer.dispose();
        return result;
      });
      expect(counts).toEqual(expected);
    },
  );
});

function lossOf(recipe: Case['loss']): LocalLoss {
  return recipe.type === 'infopro' ? infopro({ head: recipe.head, mode: recipe.mode }) : localLossOf(recipe);
}
