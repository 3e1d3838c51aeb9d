import { blocksOf } from './rules.ts';
import type { TrainConfig } from './schema/index.ts';

/** Test errors in percent on CIFAR-10: MAN paper (Su et al., ECCV 2024), Table 1. */
const TABLE_1: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  resnet32: { e2e: 6.37, 'infopro-8': 11.51, 'infopro-man-8': 9.32, 'infopro-16': 12.93, 'infopro-man-16': 9.65 },
  resnet110: { e2e: 5.42, 'infopro-32': 12.26, 'infopro-man-32': 9.06, 'infopro-55': 13.22, 'infopro-man-55': 9.77 },
};

/** The test error that the paper prints for this network, partition and method on CIFAR-10; null where it has none. */
export function paperError(config: TrainConfig, dataset: string): number | null {
  const { backbone, loss, plugin } = config;
  if (dataset !== 'cifar10' || backbone.type !== 'resnet' || backbone.width !== 16) return null;
  const method = loss.type === 'e2e' ? 'e2e' : `${loss.type}${plugin.type === 'man' ? '-man' : ''}-${blocksOf(config)}`;
  return TABLE_1[`resnet${backbone.depth}`]?.[method] ?? null;
}
