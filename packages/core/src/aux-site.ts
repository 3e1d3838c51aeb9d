import type { Rng } from '@man/base';
import type { AuxSite, Backbone, LocalBlock } from './contracts.ts';
import { badOption } from './errors.ts';

/**
 * The place behind block `index` of a network, where a local loss of a loop of one's own is built.
 *
 * @param blocks all of them, as {@link cutIntoBlocks} gives them
 * @param rng for the initial weights
 * @throws MAN_CORE_OPTION for a block that is not there
 * @example
 * ```ts
 * const aux = dgl().build(auxSite(blocks, 0, backbone, createRng(8)));
 * ```
 */
export function auxSite(
  blocks: readonly LocalBlock[],
  index: number,
  { inputShape, classes }: Pick<Backbone, 'inputShape' | 'classes'>,
  rng: Rng,
): AuxSite {
  const [block, next] = [blocks[index], blocks[index + 1] ?? null];
  if (block === undefined) throw badOption('auxSite', 'index', `a whole number from 0 to ${blocks.length - 1}`, index);
  const following = blocks.slice(index + 1).flatMap(({ units }) => units);
  const depth = blocks.length;
  return { block, next, following, featureShape: block.outputShape, imageShape: inputShape, classes, depth, rng };
}
