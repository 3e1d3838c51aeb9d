import { anyOf, defineSchema, nonNegativeInt, oneOf, positiveInt } from '@man/config';

/** How a run is saved as it goes. */
export const checkpointSchema = defineSchema({
  every: {
    doc: 'Most steps that are lost when the run is killed; epoch saves at the end of each, never not at all.',
    default: 'epoch',
    format: anyOf(positiveInt, oneOf('epoch', 'never')),
  },
  last: { doc: 'Latest checkpoints that are kept.', default: 2, format: positiveInt },
  best: { doc: 'Best ones that are kept besides, chosen on test data.', default: 0, format: nonNegativeInt },
  metric: { doc: 'What the best ones are best by.', default: 'accuracy', format: oneOf('accuracy', 'loss') },
});
