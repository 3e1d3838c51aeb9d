import { blocksOf } from './rules.ts';
import type { TrainConfig } from './schema/index.ts';

type Errors = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** End to end, then for each loss by number of blocks: without MAN, with it. */
function row(e2e: number, losses: Readonly<Record<string, Readonly<Record<number, readonly [number, number]>>>>) {
  const errors: Record<string, number> = { e2e };
  for (const [loss, byBlocks] of Object.entries(losses))
    for (const [blocks, [plain, man]] of Object.entries(byBlocks)) {
      errors[`${loss}-${blocks}`] = plain;
      errors[`${loss}-man-${blocks}`] = man;
    }
  return errors;
}

/** Test errors in percent by data set and network: MAN paper (Su et al., ECCV 2024), Table 1. */
const TABLE_1: Readonly<Record<string, Errors>> = {
  cifar10: {
    resnet32: row(6.37, {
      dgl: { 8: [11.63, 8.42], 16: [14.08, 9.11] },
      infopro: { 8: [11.51, 9.32], 16: [12.93, 9.65] },
      predsim: { 8: [20.62, 14.29], 16: [22.71, 15.58] },
    }),
    resnet110: row(5.42, {
      dgl: { 32: [12.51, 9.65], 55: [14.45, 9.73] },
      infopro: { 32: [12.26, 9.06], 55: [13.22, 9.77] },
      predsim: { 32: [22.08, 17.05], 55: [24.74, 18.02] },
    }),
  },
  stl10: {
    resnet32: row(19.35, {
      dgl: { 8: [25.05, 20.74], 16: [27.14, 21.37] },
      infopro: { 8: [27.32, 23.17], 16: [29.28, 23.54] },
      predsim: { 8: [31.97, 29.97], 16: [32.9, 29.99] },
    }),
    resnet110: row(19.67, {
      dgl: { 32: [25.67, 22.54], 55: [28.16, 22.69] },
      infopro: { 32: [28.58, 24.08], 55: [29.2, 24.74] },
      predsim: { 32: [32.05, 30.48], 55: [33.27, 31.55] },
    }),
  },
  svhn: {
    resnet32: row(2.99, {
      dgl: { 8: [4.83, 3.8], 16: [5.05, 4.04] },
      infopro: { 8: [5.61, 4.49], 16: [5.97, 5.19] },
      predsim: { 8: [6.91, 5.54], 16: [8.08, 6.39] },
    }),
    resnet110: row(2.92, {
      dgl: { 32: [5.12, 4.08], 55: [5.36, 4.52] },
      infopro: { 32: [5.89, 4.85], 55: [6.11, 4.99] },
      predsim: { 32: [9.12, 7.27], 55: [10.47, 8.24] },
    }),
  },
};

/** The test error that the paper prints for this network, partition, method and data set; null where it has none. */
export function paperError(config: TrainConfig, dataset: string): number | null {
  const { backbone, loss, plugin } = config;
  if (backbone.type !== 'resnet' || backbone.width !== 16) return null;
  // Which variant the paper took is not said; its authors' commands take softmax.
  if (loss.type === 'infopro' && loss.mode === 'contrast') return null;
  const method = loss.type === 'e2e' ? 'e2e' : `${loss.type}${plugin.type === 'man' ? '-man' : ''}-${blocksOf(config)}`;
  return TABLE_1[dataset]?.[`resnet${backbone.depth}`]?.[method] ?? null;
}
