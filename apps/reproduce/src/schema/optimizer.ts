import { defineSchema, format, nonNegativeNumber, oneOf, truth } from '@man/config';

const momentum = format<number>('a number from 0 to below 1', (value) => typeof value === 'number' && value >= 0 && value < 1);

/** Sub-schemas of `optimizer`, by `optimizer.type`. */
export const optimizerSchemas = {
  sgd: defineSchema({
    type: { doc: 'One optimiser per block.', default: 'sgd', format: oneOf('sgd') },
    momentum: { doc: 'Share of the velocity that is kept.', default: 0.9, format: momentum },
    nesterov: { doc: "Whether the momentum is Nesterov's.", default: true, format: truth },
    weightDecay: { doc: 'Added to the gradient, times the weight.', default: 1e-4, format: nonNegativeNumber },
  }),
};
