import { defineSchema, oneOf, positiveInt, positiveNumber, truth, unitInterval } from '@man/base';
import { badOption, optionConflict } from './errors.ts';

/** What MAN does; every default is the paper's method. */
export interface ManOptions {
  /** Share of the EMA copy that stays in each update, 0 … 1; default 0.995. 0 copies, 1 never moves. Not together with `halfLife`. */
  readonly momentum?: number;
  /** The same as a number of updates after which half of a value is replaced (0.995 is 138.28). */
  readonly halfLife?: number;
  /** Whether the auxiliary network sees the EMA copy of the next block's first unit; default true. */
  readonly ema?: boolean;
  /**
   * The learnable bias. `'branch'` (default, as the authors' code): a trained copy of that unit. `'channel'` (the paper's
   * words): one trained number per channel, 0 at first. `'none'`: without.
   */
  readonly bias?: 'branch' | 'channel' | 'none';
  /** `'sum'` (default): bias(h) + ema(h). `'gated'` (MAN++): s·bias(h) + (2 - s)·ema(h), with a trained s, 1 at first. */
  readonly mix?: 'sum' | 'gated';
  /** Both copies start as `'copy'` (default) of the unit, or freshly drawn and `'independent'`, as in the authors' code. */
  readonly init?: 'copy' | 'independent';
  /** The EMA moves `'after-step'` (default, the paper's Eq. 7) or, as in the authors' code, `'before-step'`: one step behind. */
  readonly when?: 'after-step' | 'before-step';
  /** Steps from one EMA update to the next; default 1. */
  readonly updateEvery?: number;
}

/** {@link ManOptions} as keys of a configuration; null stands for what is not given. */
export const manSchema = defineSchema({
  momentum: { doc: 'Share of the EMA copy that stays in each update.', default: 0.995, format: unitInterval, nullable: true },
  halfLife: { doc: 'Instead of momentum: updates after which half is replaced.', default: null, format: positiveNumber, nullable: true },
  ema: { doc: "Whether blocks see an EMA copy of the next block's first unit.", default: true, format: truth },
  bias: { doc: 'The learned bias.', default: 'branch', format: oneOf('branch', 'channel', 'none') },
  mix: { doc: 'How bias and EMA join; gated is MAN++.', default: 'sum', format: oneOf('sum', 'gated') },
  init: { doc: 'How the copies start.', default: 'copy', format: oneOf('copy', 'independent') },
  when: { doc: 'When the EMA moves.', default: 'after-step', format: oneOf('after-step', 'before-step') },
  updateEvery: { doc: 'Steps from one EMA update to the next.', default: 1, format: positiveInt },
});

/** {@link ManOptions} with every default in its place. */
export type ResolvedManOptions = Required<Omit<ManOptions, 'halfLife'>>;

const CHOICES = {
  bias: ['branch', 'channel', 'none'],
  mix: ['sum', 'gated'],
  init: ['copy', 'independent'],
  when: ['after-step', 'before-step'],
} as const;

/** @throws MAN_PLUGIN_OPTION, MAN_PLUGIN_CONFLICT */
export function resolveOptions(options: ManOptions): ResolvedManOptions {
  const { ema = true, bias = 'branch', mix = 'sum', init = 'copy', when = 'after-step', updateEvery = 1 } = options;
  const resolved = { momentum: momentumOf(options), ema, bias, mix, init, when, updateEvery };
  for (const key of Object.keys(CHOICES) as (keyof typeof CHOICES)[]) {
    const choices: readonly string[] = CHOICES[key];
    if (!choices.includes(resolved[key])) throw badOption(key, `one of ${choices.join(', ')}`, resolved[key]);
  }
  if (typeof ema !== 'boolean') throw badOption('ema', 'true or false', ema);
  if (!Number.isInteger(updateEvery) || updateEvery < 1) throw badOption('updateEvery', 'a whole number ≥ 1', updateEvery);
  if (mix === 'gated' && (bias !== 'branch' || !ema))
    throw optionConflict("mix: 'gated' without both branches", "a gate weighs two branches: leave ema true and bias 'branch'");
  if (bias === 'channel' && !ema)
    throw optionConflict("bias: 'channel' with ema: false", 'a channel bias is added to the EMA branch: leave ema true');
  return resolved;
}

function momentumOf({ momentum, halfLife }: ManOptions): number {
  if (momentum !== undefined && halfLife !== undefined) throw optionConflict('momentum and halfLife', 'give one of the two');
  if (halfLife !== undefined) {
    if (!(halfLife > 0)) throw badOption('halfLife', 'a number of updates above 0', halfLife);
    return 0.5 ** (1 / halfLife);
  }
  const value = momentum ?? 0.995;
  if (!(value >= 0 && value <= 1)) throw badOption('momentum', 'a number from 0 to 1', value);
  return value;
}
