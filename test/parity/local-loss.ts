import type { LocalLoss } from '@man/core';
import { type DglHead, dgl } from '@man/loss-dgl';
import { predsim } from '@man/loss-predsim';

/** A local loss as tools/peer writes down its options. */
export type LocalRecipe =
  | { readonly type: 'dgl'; readonly head: DglHead }
  | { readonly type: 'predsim'; readonly beta: number; readonly target: number; readonly zero: boolean };

/** The same loss of ours. */
export function localLossOf(recipe: LocalRecipe): LocalLoss {
  if (recipe.type === 'dgl') return dgl({ head: recipe.head });
  return predsim({ beta: recipe.beta, poolTarget: recipe.target, init: recipe.zero ? 'zero' : 'default' });
}
