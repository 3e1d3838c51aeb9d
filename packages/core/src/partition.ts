import { nearest } from '@man/base';
import type { Backbone, LocalBlock, Network, PartitionOptions, Unit } from './contracts.ts';
import { badOption, cutInvalid, partitionConflict, partitionUnknown, shapesDoNotMeet } from './errors.ts';

/**
 * Cuts a network into gradient-isolated blocks.
 *
 * @throws MAN_CORE_PARTITION when both or none of blocks and cuts are given, MAN_CORE_PARTITION_UNKNOWN, MAN_CORE_CUT,
 * MAN_CORE_SHAPE when two neighbouring units do not fit
 * @example
 * ```ts
 * const blocks = cutIntoBlocks(backbone, network, { blocks: 16 });
 * ```
 */
export function cutIntoBlocks(backbone: Backbone, network: Network, options: PartitionOptions): readonly LocalBlock[] {
  const { units } = network;
  checkShapes([...units, network.classifier]);
  const ends = endsOfBlocks(backbone, units, options);
  const blocks: LocalBlock[] = [];
  let start = 0;
  for (const end of [...ends, units.length - 1]) {
    const own = units.slice(start, end + 1) as unknown as LocalBlock['units'];
    blocks.push({ index: blocks.length, units: own, outputShape: (own[own.length - 1] as Unit).outputShape });
    start = end + 1;
  }
  return blocks;
}

/** Indices of the last unit of each block but the final one. */
function endsOfBlocks(backbone: Backbone, units: readonly Unit[], { blocks, cuts, stem }: PartitionOptions): number[] {
  if ((blocks === undefined) === (cuts === undefined)) throw partitionConflict(blocks === undefined ? 'neither' : 'both');
  if (stem !== undefined && stem !== 'own' && stem !== 'merge') throw badOption('partition', 'stem', "'own' or 'merge'", stem);
  const names = cuts ?? publishedCuts(backbone, blocks as number);
  const ends = names.map((name) => indexOf(name, units));
  ends.forEach((end, i) => {
    if (i > 0 && end <= (ends[i - 1] as number))
      throw cutInvalid(
        names[i] as string,
        'it does not come after the cut before it',
        'list the cuts in the order of the network, each once',
      );
  });
  const isStemOnly = ends[0] === 0 && units[0]?.stage === 0;
  return stem === 'merge' && isStemOnly ? ends.slice(1) : ends;
}

function publishedCuts(backbone: Backbone, blocks: number): readonly string[] {
  if (blocks === 1) return [];
  const cuts = backbone.partitions[blocks];
  if (cuts === undefined) throw partitionUnknown(backbone.name, blocks, [1, ...Object.keys(backbone.partitions).map(Number)]);
  return cuts;
}

function indexOf(name: string, units: readonly Unit[]): number {
  const index = units.findIndex((unit) => unit.name === name);
  const names = units.map((unit) => unit.name);
  if (index < 0) {
    const near = nearest(name, names);
    throw cutInvalid(
      name,
      'no unit has that name',
      `${near.length > 0 ? `did you mean ${near.join(' or ')}? ` : ''}units: ${names.join(', ')}`,
    );
  }
  if (index === units.length - 1)
    throw cutInvalid(name, 'it is the last unit, behind which nothing is left', `cut behind '${names[index - 1]}' or earlier`);
  return index;
}

function checkShapes(units: readonly Unit[]): void {
  units.forEach((unit, i) => {
    const before = units[i - 1];
    if (before !== undefined && before.outputShape.join() !== unit.inputShape.join())
      throw shapesDoNotMeet(before.name, before.outputShape, unit.name, unit.inputShape);
  });
}
