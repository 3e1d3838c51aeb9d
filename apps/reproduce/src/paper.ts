import { readFileSync } from 'node:fs';
import { dataName } from './names.ts';
import { blocksOf } from './rules.ts';
import type { TrainConfig } from './schema/index.ts';

/** Data sets, networks and local losses, as `paper/tables.json` names them. */
export type PaperDataset = 'CIFAR-10' | 'STL-10' | 'SVHN' | 'ImageNet';
export type PaperMethod = 'E2E' | 'PredSim' | 'DGL' | 'InfoPro';

/** One number of one of the paper's tables. Percent, or gigabytes. */
export interface PaperNumber {
  readonly table: '1' | '2' | '3' | '4a' | '4b' | '5a' | '5b';
  readonly dataset: PaperDataset;
  readonly backbone: string;
  /** Blocks; 1 is end-to-end training. */
  readonly K: number;
  readonly method: PaperMethod;
  readonly man: boolean;
  readonly metric: 'test_error_percent' | 'top1_error_percent' | 'top5_error_percent' | 'gpu_memory_gb' | 'gpu_memory_saving_percent';
  readonly value: number;
  /** What MAN changes, as printed. */
  readonly reported_delta?: number;
  /** Of Tables 4 and 5: which parts of MAN are there. */
  readonly ema?: boolean;
  readonly learnable_bias?: boolean;
  readonly next_layer_parameters?: boolean;
}

/** The numbers of the paper (Su et al., ECCV 2024), and where they were read. */
export const PAPER = JSON.parse(readFileSync(new URL('../paper/tables.json', import.meta.url), 'utf8')) as {
  readonly source: string;
  readonly rows: readonly PaperNumber[];
};

const METHODS: Readonly<Record<string, PaperMethod>> = { e2e: 'E2E', predsim: 'PredSim', dgl: 'DGL', infopro: 'InfoPro' };

/** The test error in percent that Table 1 prints for this network, partition, method and data set; null where it has none. */
export function paperError(config: TrainConfig, dataset: string): number | null {
  const { backbone, loss, plugin } = config;
  if (backbone.type !== 'resnet' || backbone.width !== 16) return null;
  // Which variant the paper took is not said; its authors' commands take softmax.
  if (loss.type === 'infopro' && loss.mode === 'contrast') return null;
  const isMan = plugin.type === 'man';
  // Parts of MAN are in Table 4, not here.
  if (isMan && !(plugin.ema && plugin.bias === 'branch' && plugin.mix === 'sum')) return null;
  const found = PAPER.rows.find(
    (row) =>
      row.table === '1' &&
      row.dataset === dataName(dataset) &&
      row.backbone === `ResNet-${backbone.depth}` &&
      row.K === (loss.type === 'e2e' ? 1 : blocksOf(config)) &&
      row.method === METHODS[loss.type] &&
      row.man === isMan,
  );
  return found?.value ?? null;
}
