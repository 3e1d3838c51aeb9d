import { defineSchema, listOf, nonNegativeInt, oneOf, positiveInt, positiveNumber } from '@man/base';
import type { Schedule } from './contracts.ts';
import { badOption } from './errors.ts';

export interface CosineOptions {
  /** Learning rate the cosine starts from. */
  readonly base: number;
  /** Epochs until the rate is 0. */
  readonly epochs: number;
  /** Epochs of ramp from `rampFrom` to the cosine; default 0. */
  readonly warmup?: number;
  /** Learning rate of the first epoch of the ramp; default 0.01. */
  readonly rampFrom?: number;
  /**
   * What the cosine counts the first epoch as. Default 1 (the authors' CIFAR runs: the last epoch's rate is exactly 0);
   * 0 is their ImageNet runs (the first epoch's rate is exactly `base`).
   */
  readonly firstEpoch?: 0 | 1;
}

const base = { doc: 'Learning rate.', default: 0.1, format: positiveNumber } as const;

/** {@link CosineOptions} as keys of a configuration, without `epochs`, which is the length of the training. */
export const cosineSchema = defineSchema({
  base,
  warmup: { doc: 'Epochs of ramp.', default: 0, format: nonNegativeInt },
  rampFrom: { doc: 'Learning rate of the first epoch of the ramp.', default: 0.01, format: positiveNumber },
  firstEpoch: { doc: 'What the cosine counts the first epoch as; 1 ends at rate 0.', default: 1, format: oneOf(0, 1) },
});

/** Options of {@link multiStep} as keys of a configuration. */
export const multiStepSchema = defineSchema({
  base,
  milestones: { doc: 'Epochs after which the rate falls, in rising order.', default: [5, 8], format: listOf(positiveInt) },
  factor: { doc: 'What it is multiplied by.', default: 0.1, format: positiveNumber },
});

/** The rate of {@link constant} as a key of a configuration. */
export const constantSchema = defineSchema({ base });

/**
 * Cosine decay with the authors' linear ramp: with `c(e) = base/2 · (1 + cos(π e / epochs))`,
 * epoch `e ≤ warmup` has `c(e)·(e-1)/warmup + rampFrom·(warmup+1-e)/warmup`, later ones `c(e)`.
 *
 * Differs from the paper, which names the cosine only: the ramp is from the authors' code.
 *
 * @throws MAN_CORE_OPTION
 * @see MAN paper §4.2
 * @example
 * ```ts
 * cosine({ base: 0.8, epochs: 400, warmup: 10 })(1); // 0.01
 * ```
 */
export function cosine(options: CosineOptions): Schedule {
  const { base, epochs, warmup = 0, rampFrom = 0.01, firstEpoch = 1 } = options;
  if (!(base > 0)) throw badOption('cosine', 'base', 'a number above 0', base);
  if (!Number.isInteger(epochs) || epochs < 1) throw badOption('cosine', 'epochs', 'a whole number ≥ 1', epochs);
  if (!Number.isInteger(warmup) || warmup < 0) throw badOption('cosine', 'warmup', 'a whole number ≥ 0', warmup);
  return (epoch) => {
    const rate = 0.5 * base * (1 + Math.cos((Math.PI * Math.min(epoch - 1 + firstEpoch, epochs)) / epochs));
    if (epoch > warmup) return rate;
    return (rate * (epoch - 1)) / warmup + (rampFrom * (warmup + 1 - epoch)) / warmup;
  };
}

/**
 * Multiplies the rate by `factor` from each milestone epoch on.
 *
 * @throws MAN_CORE_OPTION
 * @example
 * ```ts
 * multiStep({ base: 0.1, milestones: [80, 120], factor: 0.1 })(81); // 0.01
 * ```
 */
export function multiStep(options: { readonly base: number; readonly milestones: readonly number[]; readonly factor?: number }): Schedule {
  const { base, milestones, factor = 0.1 } = options;
  if (!(base > 0)) throw badOption('multiStep', 'base', 'a number above 0', base);
  if (!milestones.every((milestone, i) => i === 0 || milestone > (milestones[i - 1] as number)))
    throw badOption('multiStep', 'milestones', 'epochs in rising order', milestones);
  return (epoch) => base * factor ** milestones.filter((milestone) => epoch >= milestone).length;
}

/** The same rate in every epoch. @throws MAN_CORE_OPTION */
export function constant(rate: number): Schedule {
  if (!(rate >= 0)) throw badOption('constant', 'rate', 'a number ≥ 0', rate);
  return () => rate;
}
