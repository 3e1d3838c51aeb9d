import type { Partitions } from '@man/core';

/** Units that end a block, by stage: zero-based indices. The final unit ends the last block and is not listed. */
type Ends = Readonly<Record<1 | 2 | 3, readonly number[]>>;

const STAGES = [1, 2, 3] as const;

/** InfoPro's and MAN's cut of ResNet-32 into 8 blocks. */
const RESNET32_K8: Ends = { 1: [0, 2, 4], 2: [1, 3], 3: [0, 2] };

const RESNET110_K32_STAGE = [1, 2, 4, 5, 7, 9, 11, 13, 14, 16, 17];
/** MAN's cut of ResNet-110 into 32 blocks. */
const RESNET110_K32: Ends = { 1: RESNET110_K32_STAGE, 2: RESNET110_K32_STAGE, 3: [1, 3, 4, 6, 7, 9, 11, 13, 15] };

const names = (ends: Ends) => STAGES.flatMap((stage) => ends[stage].map((i) => `stage${stage}.unit${i}`));

/** The cuts into few blocks, which have no block for the stem alone. */
const coarse = (perStage: number): Partitions => ({
  ...(perStage === 5 ? { 8: names(RESNET32_K8) } : {}),
  ...(perStage === 18 ? { 32: names(RESNET110_K32) } : {}),
});

/** Every unit but the last. */
function unitsOf(perStage: number): string[] {
  return STAGES.flatMap((stage) => Array.from({ length: perStage }, (_, i) => `stage${stage}.unit${i}`)).slice(0, -1);
}

/**
 * The published partitions of ResNet-(6n+2), by number of blocks.
 *
 * The finest, with 3n + 1 blocks, has the stem as a block of its own, then every unit (16 for ResNet-32, 55 for ResNet-110).
 *
 * @param perStage n
 */
export function publishedCuts(perStage: number): Partitions {
  return { ...coarse(perStage), [3 * perStage + 1]: ['stem', ...unitsOf(perStage)] };
}

/**
 * How released code cuts for the same number of blocks.
 *
 * `release`: MAN's, which merges the stem into the first unit and so trains 15 blocks for 16 and 54 for 55. `manpp`: MAN++'s, whose
 * stem has a loss of its own, 9 blocks for 8 and 33 for 32. `auglocal`: AugLocal's, whose 8 blocks of ResNet-32 are the stem, six
 * single units, and all others.
 */
export function otherCuts(perStage: number): Readonly<Record<string, Partitions>> {
  const units = unitsOf(perStage);
  const withStem = Object.entries(coarse(perStage)).map(([blocks, cuts]) => [blocks, ['stem', ...cuts]] as const);
  return {
    release: { [3 * perStage + 1]: units },
    ...(withStem.length === 0 ? {} : { manpp: Object.fromEntries(withStem) }),
    ...(perStage === 5 ? { auglocal: { 8: ['stem', ...units.slice(0, 6)] } } : {}),
  };
}
