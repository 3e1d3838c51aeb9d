import { defineSchema, listOf, nearest, oneOf, positiveInt, text } from '@man/base';
import { balancedEnds } from './balance.ts';
import type { Backbone, CutSite, LocalBlock, Network, PartitionOptions, Unit } from './contracts.ts';
import {
  badOption,
  cutInvalid,
  cutUnusable,
  partitionConflict,
  partitionUnknown,
  shapesDoNotMeet,
  splitUnknown,
  tooFewCuts,
} from './errors.ts';

/** Why a cut cannot be used, as a clause: "infopro decodes pictures, and …"; null where it can. */
export type Objection = (site: CutSite) => string | null;

/** {@link PartitionOptions} as keys of a configuration; null stands for what is not given. */
export const partitionSchema = defineSchema({
  blocks: {
    doc: 'Number of blocks of a published or an even partition; 1 is end to end.',
    default: null,
    format: positiveInt,
    nullable: true,
  },
  cuts: {
    doc: 'Instead of blocks: names of the last unit of each block but the final one.',
    default: null,
    format: listOf(text),
    nullable: true,
  },
  split: {
    doc: "Whose cut into that many blocks, where several are published, e.g. 'manpp'.",
    default: null,
    format: text,
    nullable: true,
  },
  balanced: {
    doc: 'Instead of a published cut the most even one, by what the way back keeps or by multiplications.',
    default: null,
    format: oneOf('memory', 'compute'),
    nullable: true,
  },
  stem: { doc: 'Whether a block of the stem alone is kept or joined with the next.', default: 'own', format: oneOf('own', 'merge') },
});

/**
 * Cuts a network into gradient-isolated blocks.
 *
 * @param objection what the method says against a place; default nothing. An even cut keeps to the places that are left.
 * @throws MAN_CORE_PARTITION for options that do not go together, MAN_CORE_PARTITION_UNKNOWN, MAN_CORE_CUT,
 * MAN_CORE_CUT_UNUSABLE with the nearest places that the method can use, MAN_CORE_SHAPE when two neighbouring units do not fit
 * @example
 * ```ts
 * const published = cutIntoBlocks(backbone, network, { blocks: 16 });
 * const even = cutIntoBlocks(backbone, network, { blocks: 4, balanced: 'memory' });
 * ```
 */
export function cutIntoBlocks(
  backbone: Backbone,
  network: Network,
  options: PartitionOptions,
  objection: Objection = () => null,
): readonly LocalBlock[] {
  const { units } = network;
  checkShapes([...units, network.classifier]);
  const against = (index: number) => objection(siteBehind(index, backbone, units));
  const ends = endsOfBlocks(backbone, network, options, (index) => against(index) === null);
  for (const end of ends) {
    const reason = against(end);
    if (reason !== null) throw cutUnusable((units[end] as Unit).name, reason, nearestTo(end, units, against));
  }
  const blocks: LocalBlock[] = [];
  let start = 0;
  for (const end of [...ends, units.length - 1]) {
    const own = units.slice(start, end + 1) as unknown as LocalBlock['units'];
    blocks.push({ index: blocks.length, units: own, outputShape: (own[own.length - 1] as Unit).outputShape });
    start = end + 1;
  }
  return blocks;
}

function siteBehind(index: number, { inputShape, classes }: Backbone, units: readonly Unit[]): CutSite {
  const last = units[index] as Unit;
  return { last, next: units[index + 1] as Unit, featureShape: last.outputShape, imageShape: inputShape, classes };
}

/** The nearest units in front and behind that a block may end with, in the order of the network. */
function nearestTo(end: number, units: readonly Unit[], against: (index: number) => string | null): string[] {
  const places = [...units.keys()].slice(0, -1).filter((index) => against(index) === null);
  const [before, after] = [places.filter((index) => index < end).at(-1), places.find((index) => index > end)];
  return [before, after].flatMap((index) => (index === undefined ? [] : [(units[index] as Unit).name]));
}

/** Indices of the last unit of each block but the final one. */
function endsOfBlocks(backbone: Backbone, network: Network, options: PartitionOptions, mayEnd: (index: number) => boolean): number[] {
  const { units } = network;
  const { blocks, cuts, balanced, stem } = options;
  checkOptions(options);
  if (balanced !== undefined) return evenEnds(backbone, network, blocks as number, balanced, mayEnd);
  const names = cuts ?? publishedCuts(backbone, blocks as number, options.split);
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

function checkOptions({ blocks, cuts, split, balanced, stem }: PartitionOptions): void {
  if (blocks === undefined && cuts === undefined) throw partitionConflict('neither');
  if (blocks !== undefined && cuts !== undefined) throw partitionConflict('both');
  if (cuts !== undefined && (split ?? balanced) !== undefined)
    throw partitionConflict(`cuts and ${split === undefined ? 'balanced' : 'split'}`);
  if (balanced !== undefined && split !== undefined) throw partitionConflict('split and balanced');
  if (balanced !== undefined && stem === 'merge') throw partitionConflict("balanced and stem: 'merge'");
  if (stem !== undefined && stem !== 'own' && stem !== 'merge') throw badOption('partition', 'stem', "'own' or 'merge'", stem);
  if (balanced !== undefined && balanced !== 'memory' && balanced !== 'compute')
    throw badOption('partition', 'balanced', "'memory' or 'compute'", balanced);
}

function evenEnds(
  { name }: Backbone,
  network: Network,
  blocks: number,
  by: 'memory' | 'compute',
  mayEnd: (index: number) => boolean,
): number[] {
  const most = network.units.length;
  if (!Number.isInteger(blocks) || blocks < 1 || blocks > most)
    throw badOption('partition', 'blocks', `a whole number from 1 to ${most}, the units of ${name}`, blocks);
  const ends = balancedEnds(network, blocks, by, mayEnd);
  if (ends === null) throw tooFewCuts(blocks, network.units.filter((_, i) => i < most - 1 && mayEnd(i)).length);
  return ends;
}

function publishedCuts({ name, partitions, splits = {} }: Backbone, blocks: number, split: string | undefined): readonly string[] {
  if (split !== undefined && !Object.hasOwn(splits, split)) throw splitUnknown(name, split, Object.keys(splits));
  if (blocks === 1) return [];
  const known = split === undefined ? partitions : { ...partitions, ...splits[split] };
  const cuts = known[blocks];
  if (cuts === undefined) throw partitionUnknown(name, blocks, [1, ...Object.keys(known).map(Number)]);
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
