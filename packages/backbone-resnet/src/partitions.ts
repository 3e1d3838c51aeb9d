/** Units that end a block, by stage: zero-based indices. The final unit ends the last block and is not listed. */
type Ends = Readonly<Record<1 | 2 | 3, readonly number[]>>;

/** InfoPro's and MAN's cut of ResNet-32 into 8 blocks. */
const RESNET32_K8: Ends = { 1: [0, 2, 4], 2: [1, 3], 3: [0, 2] };

const RESNET110_K32_STAGE = [1, 2, 4, 5, 7, 9, 11, 13, 14, 16, 17];
/** MAN's cut of ResNet-110 into 32 blocks. */
const RESNET110_K32: Ends = { 1: RESNET110_K32_STAGE, 2: RESNET110_K32_STAGE, 3: [1, 3, 4, 6, 7, 9, 11, 13, 15] };

/**
 * The published partitions of ResNet-(6n+2), by number of blocks.
 *
 * The finest, with 3n + 1 blocks, has the stem as a block of its own, then every unit (16 for ResNet-32, 55 for ResNet-110).
 * Differs from the authors' code, which merges the stem into the first unit and so trains 15 and 54 blocks
 * (`stem: 'merge'` does that).
 *
 * @param perStage n
 */
export function publishedCuts(perStage: number): Readonly<Record<number, readonly string[]>> {
  const stages = [1, 2, 3] as const;
  const all = stages.flatMap((stage) => Array.from({ length: perStage }, (_, i) => `stage${stage}.unit${i}`));
  const names = (ends: Ends) => stages.flatMap((stage) => ends[stage].map((i) => `stage${stage}.unit${i}`));
  return {
    ...(perStage === 5 ? { 8: names(RESNET32_K8) } : {}),
    ...(perStage === 18 ? { 32: names(RESNET110_K32) } : {}),
    [3 * perStage + 1]: ['stem', ...all.slice(0, -1)],
  };
}
