import type { LocalLoss } from '@man/core';
import { type DglHead, dgl } from '@man/loss-dgl';
import { type InfoProHead, infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';

/** A local loss as tools/peer writes down its options. */
export type LocalRecipe =
  | { readonly type: 'dgl'; readonly head: DglHead }
  | { readonly type: 'predsim'; readonly beta: number; readonly target: number; readonly zero: boolean }
  | InfoProRecipe;

/** InfoPro's, with the weights of one block. */
export interface InfoProRecipe {
  readonly type: 'infopro';
  readonly mode: 'softmax' | 'contrast';
  readonly head: InfoProHead;
  readonly reconstruction: number;
  readonly classification: number;
  readonly temperature: number;
  readonly image_size: number;
}

/** The same loss of ours. */
export function localLossOf(recipe: LocalRecipe): LocalLoss {
  if (recipe.type === 'dgl') return dgl({ head: recipe.head });
  if (recipe.type === 'predsim') return predsim({ beta: recipe.beta, poolTarget: recipe.target, init: recipe.zero ? 'zero' : 'default' });
  const { mode, head, temperature, reconstruction, classification } = recipe;
  const weights = { reconstruction, classification };
  return infopro({ mode, head, temperature, schedule: { first: weights, last: weights } });
}
