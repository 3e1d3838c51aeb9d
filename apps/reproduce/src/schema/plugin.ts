import { defineSchema, oneOf, positiveInt, positiveNumber, truth, unitInterval } from '@man/config';

/** Sub-schemas of `plugin`, by `plugin.type`. */
export const pluginSchemas = {
  none: defineSchema({ type: { doc: 'No plugin.', default: 'none', format: oneOf('none') } }),
  man: defineSchema({
    type: { doc: 'Method added to the local loss.', default: 'man', format: oneOf('man') },
    momentum: { doc: 'Share of the EMA copy that stays in each update.', default: 0.995, format: unitInterval, nullable: true },
    halfLife: { doc: 'Instead of momentum: updates after which half is replaced.', default: null, format: positiveNumber, nullable: true },
    ema: { doc: "Whether blocks see an EMA copy of the next block's first unit.", default: true, format: truth },
    bias: { doc: 'The learned bias.', default: 'branch', format: oneOf('branch', 'channel', 'none') },
    mix: { doc: 'How bias and EMA join; gated is MAN++.', default: 'sum', format: oneOf('sum', 'gated') },
    init: { doc: 'How the copies start.', default: 'copy', format: oneOf('copy', 'independent') },
    when: { doc: 'When the EMA moves.', default: 'after-step', format: oneOf('after-step', 'before-step') },
    updateEvery: { doc: 'Steps from one EMA update to the next.', default: 1, format: positiveInt },
  }),
};
