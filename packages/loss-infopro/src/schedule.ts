import { type Format, format } from '@man/base';
import type { AuxSite } from '@man/core';
import { badOption, noTerm } from './errors.ts';

/** Weights of a block's two terms. */
export interface Lambdas {
  /** λ1, of the reconstruction. */
  readonly reconstruction: number;
  /** λ2, of the classification. */
  readonly classification: number;
}

/** Weights of the first block and of the last one that has an auxiliary network; those between are interpolated. */
export interface LambdaRange {
  readonly first: Lambdas;
  readonly last: Lambdas;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const hasExactly = (value: Readonly<Record<string, unknown>>, keys: readonly string[]) =>
  Object.keys(value).sort().join() === [...keys].sort().join();
const isLambdas = (value: unknown) =>
  isRecord(value) &&
  hasExactly(value, ['reconstruction', 'classification']) &&
  Object.values(value).every((weight) => typeof weight === 'number' && Number.isFinite(weight) && weight >= 0);

/** Passes a {@link LambdaRange} in a configuration. */
export const lambdaRange: Format<LambdaRange> = format(
  'a map {first: {reconstruction: 5, classification: 0.05}, last: {…}}',
  (value) => isRecord(value) && hasExactly(value, ['first', 'last']) && isLambdas(value.first) && isLambdas(value.last),
);

const range = (a1: number, a2: number, b1: number, b2: number): LambdaRange => ({
  first: { reconstruction: a1, classification: a2 },
  last: { reconstruction: b1, classification: b2 },
});

/** Published weights, by data set, network and number of blocks. Those of InfoPro and AugLocal are from their commands. */
const PRESETS = {
  'cifar10-resnet32-k8': range(5, 0, 0, 2),
  'cifar10-resnet32-k16': range(5, 0.05, 0.2, 0.5),
  'cifar10-resnet110-k16': range(5, 0, 0.5, 1),
  'cifar10-resnet110-k55': range(5, 0, 0.5, 1),
  'svhn-resnet110-k8': range(5, 0, 0.5, 2),
  'svhn-resnet110-k16': range(5, 0.2, 0.5, 1),
  'stl10-resnet110-k8': range(20, 0.2, 5, 1),
  'stl10-resnet110-k16': range(20, 0.5, 10, 0.1),
  /** InfoPro's for ResNet-101 and ResNeXt-101 in two blocks; MAN's for all networks and blocks. */
  imagenet: range(5, 0.75, 5, 0.75),
  /** InfoPro's for ResNet-152 in two blocks. */
  'imagenet-resnet152-k2': range(5, 1, 5, 1),
  /** MAN's released commands for CIFAR-10; interpolated by stage. */
  'man-release': range(5, 0.5, 0, 0),
} as const;

/** Names of published weights. */
export type InfoProPreset = keyof typeof PRESETS;
/** All of them. */
export const PRESET_NAMES = Object.keys(PRESETS) as [InfoProPreset, ...InfoProPreset[]];

/** What `schedule: 'auto'` chooses from by the number of blocks. */
const BY_BLOCKS = {
  cifar10: { 8: 'cifar10-resnet32-k8', 16: 'cifar10-resnet32-k16', 55: 'cifar10-resnet110-k55' },
  svhn: { 8: 'svhn-resnet110-k8', 16: 'svhn-resnet110-k16' },
  stl10: { 8: 'stl10-resnet110-k8', 16: 'stl10-resnet110-k16' },
  imagenet: { 2: 'imagenet' },
} as const satisfies Readonly<Record<string, Readonly<Record<number, InfoProPreset>>>>;

/** Data sets that weights are published for. */
export type InfoProDataset = keyof typeof BY_BLOCKS;
/** All of them. */
export const DATASETS = Object.keys(BY_BLOCKS) as [InfoProDataset, ...InfoProDataset[]];

/**
 * The preset of a data set whose number of blocks is nearest, by ratio: what `schedule: 'auto'` takes.
 *
 * @example
 * ```ts
 * presetFor('cifar10', 32); // 'cifar10-resnet110-k55'
 * ```
 */
export function presetFor(dataset: InfoProDataset, blocks: number): InfoProPreset {
  const rows: readonly (readonly [string, InfoProPreset])[] = Object.entries(BY_BLOCKS[dataset]);
  const distance = ([known]: readonly [string, InfoProPreset]) => Math.abs(Math.log(Number(known) / blocks));
  return rows.reduce((best, row) => (distance(row) < distance(best) ? row : best))[1];
}

/**
 * λ1 and λ2 of the block at `site`.
 *
 * `λ(i) = first·(1 - r) + last·r` with `r = i / (K - 2)` for block i = 0 … K-2 of K (r = 0 when K = 2).
 * `'man-release'` differs as the authors' code does: r is the stage (1 … 3) of the unit behind the block over K - 2.
 *
 * @throws MAN_INFOPRO_OPTION where a weight would be negative, or both are 0
 * @see Wang et al. (InfoPro), ICLR 2021, and its released commands
 */
export function lambdasAt(site: AuxSite, schedule: InfoProPreset | LambdaRange): Lambdas {
  const steps = site.depth - 2;
  const place = schedule === 'man-release' ? (site.next?.units[0].stage ?? 0) : site.block.index;
  const weights = interpolate(rangeOf(schedule), steps < 1 ? 0 : place / steps);
  const values = Object.values(weights);
  if (values.some((weight) => weight < 0) || values.every((weight) => weight === 0))
    throw noTerm(schedule, site.block.index + 1, site.depth, weights);
  return weights;
}

/** What a schedule interpolates between. */
export function rangeOf(schedule: InfoProPreset | LambdaRange): LambdaRange {
  const chosen = typeof schedule === 'string' ? PRESETS[schedule] : schedule;
  if (typeof chosen !== 'object') throw badOption('schedule', `'auto', { first, last } or one of ${PRESET_NAMES.join(', ')}`, schedule);
  return chosen;
}

function interpolate({ first, last }: LambdaRange, r: number): Lambdas {
  return {
    reconstruction: first.reconstruction * (1 - r) + last.reconstruction * r,
    classification: first.classification * (1 - r) + last.classification * r,
  };
}
