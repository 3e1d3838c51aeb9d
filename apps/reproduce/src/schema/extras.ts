import { defineSchema, nonNegativeNumber, oneOf, positiveInt, positiveNumber, truth, unitInterval } from '@man/config';

/** Plugins that may be added to any method; each is out while its first key is null. */
export const extrasSchema = defineSchema({
  clip: {
    norm: { doc: "Greatest length of a block's gradients.", default: null, format: positiveNumber, nullable: true },
    value: { doc: 'Greatest absolute value of each number of a gradient.', default: null, format: positiveNumber, nullable: true },
  },
  earlyStopping: {
    patience: { doc: 'Epochs in a row without improvement that end the run.', default: null, format: positiveInt, nullable: true },
    metric: { doc: 'What must improve on the test pictures.', default: 'accuracy', format: oneOf('accuracy', 'loss') },
    leastChange: { doc: 'Least change that counts as an improvement.', default: 0, format: nonNegativeNumber },
  },
  average: {
    momentum: {
      doc: 'Share of the averaged weights that stays in each step; they are what is tested, and written to average.safetensors.',
      default: null,
      format: unitInterval,
      nullable: true,
    },
    warmUp: { doc: 'Whether the momentum starts low.', default: true, format: truth },
  },
});
