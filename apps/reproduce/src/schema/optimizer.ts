import { sgdSchema } from '@man/core';
import { typed } from './typed.ts';

/** Sub-schemas of `optimizer`, by `optimizer.type`. */
export const optimizerSchemas = {
  sgd: typed('sgd', 'One optimiser per block.', sgdSchema),
};
