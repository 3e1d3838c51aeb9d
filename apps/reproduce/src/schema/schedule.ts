import { defineSchema, listOf, nonNegativeInt, oneOf, positiveInt, positiveNumber } from '@man/config';

const base = { doc: 'Learning rate, for a batch of perBatch pictures.', default: 0.8, format: positiveNumber } as const;
const perBatch = {
  doc: 'Batch that rates are given for; they are scaled to train.batch, null leaves them.',
  default: 1024,
  format: positiveInt,
  nullable: true,
} as const;

/** Sub-schemas of `schedule`, by `schedule.type`. */
export const scheduleSchemas = {
  cosine: defineSchema({
    type: { doc: 'Course of the learning rate over the epochs.', default: 'cosine', format: oneOf('cosine') },
    base,
    perBatch,
    warmup: { doc: 'Epochs of ramp.', default: 0, format: nonNegativeInt },
    rampFrom: { doc: 'Learning rate of the first epoch of the ramp, scaled too.', default: 0.01, format: positiveNumber },
    firstEpoch: { doc: 'What the cosine counts the first epoch as; 1 ends at rate 0.', default: 1, format: oneOf(0, 1) },
  }),
  multistep: defineSchema({
    type: { doc: 'Course of the learning rate over the epochs.', default: 'multistep', format: oneOf('multistep') },
    base,
    perBatch,
    milestones: { doc: 'Epochs after which the rate falls, in rising order.', default: [5, 8], format: listOf(positiveInt) },
    factor: { doc: 'What it is multiplied by.', default: 0.1, format: positiveNumber },
  }),
  constant: defineSchema({
    type: { doc: 'Course of the learning rate over the epochs.', default: 'constant', format: oneOf('constant') },
    base,
    perBatch,
  }),
};
