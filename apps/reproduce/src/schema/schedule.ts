import { defineSchema, positiveInt, positiveNumber } from '@man/config';
import { constantSchema, cosineSchema, multiStepSchema } from '@man/core';
import { typed } from './typed.ts';

const TYPE = 'Course of the learning rate over the epochs.';

/** What all schedules have besides: rates are given for a batch size and scaled to that of the training. */
const scaled = defineSchema({
  base: { doc: 'Learning rate, for a batch of perBatch pictures.', default: 0.8, format: positiveNumber },
  perBatch: {
    doc: 'Batch that rates are given for; they are scaled to train.batch, null leaves them.',
    default: 1024,
    format: positiveInt,
    nullable: true,
  },
});

/** Sub-schemas of `schedule`, by `schedule.type`. */
export const scheduleSchemas = {
  cosine: typed('cosine', TYPE, {
    ...cosineSchema,
    ...scaled,
    rampFrom: { ...cosineSchema.rampFrom, doc: 'Learning rate of the first epoch of the ramp, scaled too.' },
  }),
  multistep: typed('multistep', TYPE, { ...multiStepSchema, ...scaled }),
  constant: typed('constant', TYPE, { ...constantSchema, ...scaled }),
};
