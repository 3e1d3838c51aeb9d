import type { LocalLoss } from '@man/core';
import { auglocal } from '@man/loss-auglocal';
import { type DglHead, dgl } from '@man/loss-dgl';
import { type InfoProHead, infopro } from '@man/loss-infopro';
import { predsim } from '@man/loss-predsim';

/** A local loss as tools/peer writes down its options. */
export type LocalRecipe =
  | { readonly type: 'dgl'; readonly head: DglHead }
  | { readonly type: 'predsim'; readonly beta: number; readonly target: number; readonly zero: boolean }
  | AugLocalRecipe
  | InfoProRecipe;

/** AugLocal's, behind a unit of a network that is cut behind each. */
export interface AugLocalRecipe {
  readonly type: 'auglocal';
  readonly network: number;
  readonly width: number;
  readonly block: number;
  readonly depth: number;
  readonly pyramid: number;
}

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
  if (recipe.type === 'auglocal') return auglocal({ depth: recipe.depth, pyramid: recipe.pyramid });
  const { mode, head, temperature, reconstruction, classification } = recipe;
  const weights = { reconstruction, classification };
  return infopro({ mode, head, temperature, schedule: { first: weights, last: weights } });
}
