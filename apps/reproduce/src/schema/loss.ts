import { anyOf, defineSchema, format, oneOf, positiveInt } from '@man/config';

/** Weights of the two terms of a block. */
export interface Weights {
  readonly reconstruction: number;
  readonly classification: number;
}
/** Weights of the first block and of the last one with a local loss. */
export interface WeightRange {
  readonly first: Weights;
  readonly last: Weights;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const hasExactly = (value: Readonly<Record<string, unknown>>, keys: readonly string[]) =>
  Object.keys(value).sort().join() === [...keys].sort().join();
const isWeights = (value: unknown) =>
  isRecord(value) &&
  hasExactly(value, ['reconstruction', 'classification']) &&
  Object.values(value).every((weight) => typeof weight === 'number' && Number.isFinite(weight) && weight >= 0);

const weightRange = format<WeightRange>(
  'a map {first: {reconstruction: 5, classification: 0.05}, last: {…}}',
  (value) => isRecord(value) && hasExactly(value, ['first', 'last']) && isWeights(value.first) && isWeights(value.last),
);

/** Sub-schemas of `loss`, by `loss.type`. */
export const lossSchemas = {
  e2e: defineSchema({
    type: { doc: 'No local losses: one block, trained end to end.', default: 'e2e', format: oneOf('e2e') },
  }),
  infopro: defineSchema({
    type: { doc: 'Local loss of each block but the last.', default: 'infopro', format: oneOf('infopro') },
    schedule: {
      doc: 'Weights of reconstruction and classification by block.',
      default: 'cifar10',
      format: anyOf(oneOf('cifar10', 'man-release'), weightRange),
    },
    head: { doc: 'Convolutions and linear layers of the classification head.', default: '1c2f', format: oneOf('1c2f', '2c2f') },
    hidden: { doc: "Width of the head's hidden layer.", default: 128, format: positiveInt },
  }),
};
