export {
  anyOf,
  type Format,
  finiteNumber,
  format,
  listOf,
  nonNegativeInt,
  nonNegativeNumber,
  type OneOf,
  oneOf,
  positiveInt,
  positiveNumber,
  text,
  truth,
  unitInterval,
  wholeInt,
} from './format.ts';
export { isManError, ManError, type ManErrorOptions } from './man-error.ts';
export { nearest } from './nearest.ts';
export { createRng, type Rng, type RngState, restoreRng } from './rng.ts';
export { type ConfigOf, type ConfigSchema, defineSchema, type Property, type PropertyFormat } from './schema.ts';
export { sharedBytes } from './shared-bytes.ts';
export { type ConfigValue, formatValue } from './value.ts';
