import { type Format, format } from '@man/base';
import type { AuxSite } from '@man/core';
import { badOption } from './errors.ts';

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

/** Names of ready schedules; `'cifar10'` chooses by the number of blocks. */
export type InfoProPreset = 'cifar10' | 'man-release';

const range = (a1: number, a2: number, b1: number, b2: number): LambdaRange => ({
  first: { reconstruction: a1, classification: a2 },
  last: { reconstruction: b1, classification: b2 },
});

/** CIFAR-10 by number of blocks, from the commands of InfoPro and AugLocal. */
const CIFAR10: readonly (readonly [number, LambdaRange])[] = [
  [8, range(5, 0, 0, 2)],
  [16, range(5, 0.05, 0.2, 0.5)],
  [55, range(5, 0, 0.5, 1)],
];

/** The one setting of MAN's released commands. */
const RELEASED_WITH_MAN = range(5, 0.5, 0, 0);

/**
 * λ1 and λ2 of the block at `site`.
 *
 * `λ(i) = first·(1 - r) + last·r` with `r = i / (K - 2)` for block i = 0 … K-2 of K (r = 0 when K = 2).
 * `'man-release'` differs as the authors' code does: r is the stage (1 … 3) of the unit behind the block over K - 2.
 *
 * @throws MAN_INFOPRO_OPTION
 * @see Wang et al. (InfoPro), ICLR 2021, and its released commands
 */
export function lambdasAt(site: AuxSite, schedule: InfoProPreset | LambdaRange): Lambdas {
  const steps = site.depth - 2;
  if (schedule === 'man-release') return interpolate(RELEASED_WITH_MAN, steps < 1 ? 0 : (site.next?.units[0].stage ?? 0) / steps);
  const chosen = schedule === 'cifar10' ? nearestByBlocks(site.depth) : schedule;
  if (typeof chosen !== 'object') throw badOption('schedule', "'cifar10', 'man-release' or { first, last }", schedule);
  return interpolate(chosen, steps < 1 ? 0 : site.block.index / steps);
}

function nearestByBlocks(blocks: number): LambdaRange {
  const distance = (known: number) => Math.abs(Math.log(known / blocks));
  return CIFAR10.reduce((best, entry) => (distance(entry[0]) < distance(best[0]) ? entry : best))[1];
}

function interpolate({ first, last }: LambdaRange, r: number): Lambdas {
  return {
    reconstruction: first.reconstruction * (1 - r) + last.reconstruction * r,
    classification: first.classification * (1 - r) + last.classification * r,
  };
}
