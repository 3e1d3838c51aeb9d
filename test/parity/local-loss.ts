import type { LocalLoss } from '@man/core';
import { dgl } from '@man/loss-dgl';

/** A local loss as tools/peer writes down its options. */
export type LocalRecipe = { readonly type: 'dgl'; readonly head: 'auglocal' | 'original' | 'manpp' };

/** The same loss of ours. */
export function localLossOf({ head }: LocalRecipe): LocalLoss {
  return dgl({ head });
}
